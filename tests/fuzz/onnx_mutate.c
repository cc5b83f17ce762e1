/*
 * The mutator of ONNX files: the protobuf message is unpacked, a few of its
 * parts are changed as somebody might who knows ONNX and means no good, and it
 * is packed again. One in eight times the bytes themselves are changed.
 */
#include "tests/fuzz/fuzz.h"

#include "frontend/import.h"
#include "frontend/onnx_proto.h"

#include <math.h>
#include <string.h>

typedef struct Mutation {
	Arena *a;
	uint64_t random;
	Onnx__ModelProto *m;
	Onnx__GraphProto *g;
} Mutation;

static uint32_t below(Mutation *m, size_t n)
{
	return fuzz_below(&m->random, (uint32_t)n);
}

/* ---- what to put in ---- */

static int64_t any_int(Mutation *m)
{
	static const int64_t odd[] = {
		0, 1, -1, 2, 3, 4, 7, 8, 16, 28, 64, 255, 1000, 65536, -2, -3,
		INT32_MAX, INT32_MIN, (int64_t)INT32_MAX + 1, INT64_C(1) << 40,
		INT64_C(1) << 59, INT64_MAX, INT64_MIN, INT64_MIN + 1,
	};
	size_t n = sizeof odd / sizeof *odd;
	return odd[below(m, below(m, 2) ? 8 : n)];
}

static float any_float(Mutation *m)
{
	static const float odd[] = {
		0, 1, -1, 0.5f, 1e-5f, -0.0f, 1e30f, -1e30f, 1e-40f, INFINITY,
		-INFINITY, NAN, 2, 3, 100, 2147483648.0f,
	};
	return odd[below(m, sizeof odd / sizeof *odd)];
}

static char *copy_text(Mutation *m, const char *s)
{
	return s ? arena_strndup(m->a, s, strlen(s)) : arena_new(m->a, char);
}

static char *any_string(Mutation *m)
{
	static const char *const words[] = {
		"", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "reflect",
		"edge", "wrap", "constant", "linear", "cubic", "nearest",
		"asymmetric", "pytorch_half_pixel", "tf_crop_and_resize",
		"align_corners", "mean", "sum", "none", "DCR", "CRD", "tanh",
		"none", "bidirectional", "reverse", "Tanh", "Sigmoid", "round_"
		"prefer_ceil", "ij,jk->ik", "...ij,...jk->...ik", "ii->i",
		"a,b,c,d,e,f,g,h,i,j,k->abcdefghijk", "->", "i->ii", "add",
	};
	return copy_text(m, words[below(m, sizeof words / sizeof *words)]);
}

/* Of a value of the model: by a node, an initializer or an input. */
static char *any_name(Mutation *m)
{
	static const char *const odd[] = {
		"", "_0", "x", "y", "loss", "a\nb", "*/", "\"\\", "int", "/a/b",
	};
	const Onnx__GraphProto *g = m->g;
	uint32_t which = below(m, 16);
	if (which == 0)
		return copy_text(m, odd[below(m, sizeof odd / sizeof *odd)]);
	if (which < 4 && g->n_initializer)
		return copy_text(m, g->initializer[below(m, g->n_initializer)]
		                    ->name);
	if (which < 6 && g->n_input)
		return copy_text(m, g->input[below(m, g->n_input)]->name);
	if (g->n_node) {
		const Onnx__NodeProto *n = g->node[below(m, g->n_node)];
		if (n->n_output)
			return copy_text(m, n->output[below(m, n->n_output)]);
	}
	return copy_text(m, "");
}

static const char *any_op(Mutation *m)
{
	int nrules = 0;
	while (rule_at(nrules))
		nrules++;
	int i = (int)below(m, (size_t)(nrules + nops));
	return i < nrules ? rule_at(i)->op : all_ops[i - nrules]->name;
}

/* One of " axis:i axes:I", and its kind. */
static char *rule_attr(Mutation *m, const char *attrs, char *kind)
{
	int n = 0;
	for (const char *p = attrs; (p = strchr(p, ' ')); p++)
		n++;
	if (!n)
		return NULL;
	const char *p = attrs;
	for (int i = (int)below(m, (size_t)n); i >= 0; i--)
		p = strchr(p, ' ') + 1;
	size_t len = strcspn(p, ":");
	*kind = p[len + 1];
	return arena_strndup(m->a, p, len);
}

/* An attribute that the operator may have. */
static char *any_attr(Mutation *m, const char *op, char *kind)
{
	const Rule *rule = rule_find(op);
	const OpDef *def = op_find(op);
	if (rule && rule->attrs)
		return rule_attr(m, rule->attrs, kind);
	if (!def || !def->nattrs)
		return NULL;
	const AttrDef *d = &def->attrs[below(m, (size_t)def->nattrs)];
	*kind = "ifsIF"[d->kind];
	return copy_text(m, d->name);
}

/* ---- lists ---- */

/* The list with room for one more. */
static void *grown(Mutation *m, const void *list, size_t n, size_t size)
{
	char *more = arena_calloc(m->a, n + 1, size);
	if (n)
		memcpy(more, list, n * size);
	return more;
}

#define GROW(m, list, n) ((list) = grown((m), (list), (n), sizeof *(list)))

static void drop(void *list, size_t *n, size_t size, size_t i)
{
	char *at = (char *)list + i * size;
	memmove(at, at + size, (--*n - i) * size);
}

static void ints(Mutation *m, int64_t **x, size_t *n)
{
	uint32_t how = below(m, 4);
	if (how == 0 || !*n) {
		GROW(m, *x, *n);
		(*x)[(*n)++] = any_int(m);
	} else if (how == 1) {
		drop(*x, n, sizeof **x, below(m, *n));
	} else {
		(*x)[below(m, *n)] = any_int(m);
	}
}

/* ---- tensors ---- */

static size_t element_size(int32_t type)
{
	DType t;
	return dtype_from_onnx(type, &t) ? (size_t)dtype_size(t) : 4;
}

/* As many bytes as the shape says, if that is not many. */
static void refill(Mutation *m, Onnx__TensorProto *t)
{
	size_t n = element_size(t->data_type);
	for (size_t i = 0; i < t->n_dims; i++) {
		if (t->dims[i] < 0 || t->dims[i] > 4096 || n > 4096)
			return;
		n *= (size_t)t->dims[i];
	}
	if (n > 1 << 14)
		return;
	uint8_t *bytes = arena_alloc(m->a, n + 1);
	for (size_t i = 0; i < n && t->raw_data.len; i++)
		bytes[i] = t->raw_data.data[i % t->raw_data.len];
	t->n_float_data = t->n_int32_data = t->n_int64_data = 0;
	t->n_double_data = t->n_uint64_data = 0;
	t->has_raw_data = true;
	t->raw_data = (ProtobufCBinaryData){n, bytes};
}

static void contents(Mutation *m, Onnx__TensorProto *t)
{
	if (t->n_int64_data) {
		t->int64_data[below(m, t->n_int64_data)] = any_int(m);
	} else if (t->n_float_data) {
		t->float_data[below(m, t->n_float_data)] = any_float(m);
	} else if (t->raw_data.len >= 8 && t->data_type == 7) {
		int64_t x = any_int(m);
		memcpy(t->raw_data.data + below(m, t->raw_data.len / 8) * 8, &x,
		       8);
	} else if (t->raw_data.len >= 4) {
		float x = any_float(m);
		memcpy(t->raw_data.data + below(m, t->raw_data.len / 4) * 4, &x,
		       4);
	}
}

static void tensor(Mutation *m, Onnx__TensorProto *t)
{
	switch (below(m, 5)) {
	case 0:
		ints(m, &t->dims, &t->n_dims);
		break;
	case 1:
		ints(m, &t->dims, &t->n_dims);
		refill(m, t);
		break;
	case 2:
		t->has_data_type = true;
		t->data_type = (int32_t)below(m, 24);
		if (below(m, 2))
			refill(m, t);
		break;
	default:
		contents(m, t);
	}
}

/* ---- attributes ---- */

static void set_attr(Mutation *m, Onnx__AttributeProto *a, char kind)
{
	static const char kinds[] = "?fist?FIS";   /* by AttributeType, to 8 */
	const char *found = strchr(kinds, kind);
	a->has_type = true;
	a->type = found ? (Onnx__AttributeProto__AttributeType)(found - kinds)
	                : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
	if (kind == 'i') {
		a->has_i = true;
		a->i = any_int(m);
	} else if (kind == 'f') {
		a->has_f = true;
		a->f = any_float(m);
	} else if (kind == 's') {
		char *s = any_string(m);
		a->has_s = true;
		a->s = (ProtobufCBinaryData){strlen(s), (uint8_t *)s};
	} else if (kind == 'I') {
		ints(m, &a->ints, &a->n_ints);
	} else if (kind == 'F') {
		GROW(m, a->floats, a->n_floats);
		a->floats[a->n_floats++] = any_float(m);
	} else if (kind == 't' && a->t) {
		tensor(m, a->t);
	}
}

static void new_attr(Mutation *m, Onnx__NodeProto *n)
{
	char kind;
	char *name = any_attr(m, n->op_type ? n->op_type : "", &kind);
	if (!name)
		return;
	Onnx__AttributeProto *a = arena_new(m->a, Onnx__AttributeProto);
	onnx__attribute_proto__init(a);
	a->name = name;
	set_attr(m, a, kind);
	GROW(m, n->attribute, n->n_attribute);
	n->attribute[n->n_attribute++] = a;
}

static void attribute(Mutation *m, Onnx__NodeProto *n)
{
	static const char kinds[] = "?fist?FIS";
	size_t i = n->n_attribute ? below(m, n->n_attribute) : 0;
	if (!n->n_attribute || !below(m, 3)) {
		new_attr(m, n);
	} else if (!below(m, 6)) {
		drop(n->attribute, &n->n_attribute, sizeof *n->attribute, i);
	} else {
		Onnx__AttributeProto *a = n->attribute[i];
		set_attr(m, a, kinds[(unsigned)a->type < 9 ? a->type : 0]);
	}
}

/* ---- nodes ---- */

static void connect(Mutation *m, Onnx__NodeProto *n)
{
	uint32_t how = below(m, 6);
	if (how == 0 || !n->n_input) {
		GROW(m, n->input, n->n_input);
		n->input[n->n_input++] = any_name(m);
	} else if (how == 1) {
		drop(n->input, &n->n_input, sizeof *n->input,
		     below(m, n->n_input));
	} else if (how == 2) {
		n->input[below(m, n->n_input)] = copy_text(m, "");
	} else {
		n->input[below(m, n->n_input)] = any_name(m);
	}
}

/* A second node behind the first, which reads what that makes. */
static void append(Mutation *m, const Onnx__NodeProto *n)
{
	Onnx__GraphProto *g = m->g;
	Onnx__NodeProto *copy = arena_new(m->a, Onnx__NodeProto);
	*copy = *n;
	copy->op_type = copy_text(m, any_op(m));
	copy->name = copy_text(m, "");
	copy->input = grown(m, n->input, n->n_input, sizeof *n->input);
	if (copy->n_input && n->n_output)
		copy->input[0] = n->output[0];
	copy->n_output = 1;
	copy->output = grown(m, NULL, 0, sizeof *copy->output);
	copy->output[0] = arena_printf(m->a, "more%u", below(m, 1000));
	if (below(m, 2))
		copy->n_attribute = 0;
	GROW(m, g->node, g->n_node);
	g->node[g->n_node++] = copy;
	if (g->n_output)
		g->output[below(m, g->n_output)]->name = copy->output[0];
}

static void node(Mutation *m)
{
	Onnx__GraphProto *g = m->g;
	if (!g->n_node)
		return;
	size_t i = below(m, g->n_node);
	Onnx__NodeProto *n = g->node[i];
	switch (below(m, 12)) {
	case 0:
		drop(g->node, &g->n_node, sizeof *g->node, i);
		break;
	case 1:
		n->op_type = copy_text(m, any_op(m));
		break;
	case 2:
		append(m, n);
		break;
	case 3:
		GROW(m, n->output, n->n_output);
		n->output[n->n_output++] = any_name(m);
		break;
	case 4: case 5: case 6:
		connect(m, n);
		break;
	default:
		attribute(m, n);
	}
}

/* ---- the rest of the graph ---- */

static void port(Mutation *m, Onnx__ValueInfoProto *v)
{
	Onnx__TypeProto *type = v->type;
	if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return;
	Onnx__TypeProto__Tensor *t = type->tensor_type;
	if (!below(m, 4)) {
		t->has_elem_type = true;
		t->elem_type = (int32_t)below(m, 18);
	}
	if (!t->shape || !t->shape->n_dim)
		return;
	Onnx__TensorShapeProto__Dimension *d =
		t->shape->dim[below(m, t->shape->n_dim)];
	if (below(m, 4)) {
		d->value_case =
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		d->dim_value = any_int(m);
	} else {
		d->value_case =
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
		d->dim_param = copy_text(m, "N");
	}
}

static void constant(Mutation *m)
{
	const Onnx__GraphProto *g = m->g;
	if (!below(m, 3) && g->n_node) {
		Onnx__NodeProto *n = g->node[below(m, g->n_node)];
		for (size_t i = 0; i < n->n_attribute; i++)
			if (n->attribute[i]->t)
				tensor(m, n->attribute[i]->t);
	} else if (g->n_initializer) {
		tensor(m, g->initializer[below(m, g->n_initializer)]);
	}
}

static void rename_one(Mutation *m)
{
	Onnx__GraphProto *g = m->g;
	char *name = any_name(m);
	switch (below(m, 4)) {
	case 0:
		if (g->n_initializer)
			g->initializer[below(m, g->n_initializer)]->name = name;
		break;
	case 1:
		if (g->n_input)
			g->input[below(m, g->n_input)]->name = name;
		break;
	case 2:
		if (g->n_output)
			g->output[below(m, g->n_output)]->name = name;
		break;
	default:
		if (g->n_node)
			g->node[below(m, g->n_node)]->name = name;
	}
}

/* A call of a function from the graph, or from another function. */
static void call(Mutation *m)
{
	Onnx__ModelProto *p = m->m;
	if (!p->n_functions)
		return;
	Onnx__FunctionProto *f = p->functions[below(m, p->n_functions)];
	Onnx__FunctionProto *in = p->functions[below(m, p->n_functions)];
	bool inner = below(m, 2) && in->n_node;
	Onnx__NodeProto *n = inner ? in->node[below(m, in->n_node)]
	                   : m->g->n_node ? m->g->node[below(m, m->g->n_node)]
	                                  : NULL;
	if (!n)
		return;
	n->op_type = f->name;
	n->domain = f->domain;
}

static void mutate(Mutation *m)
{
	Onnx__GraphProto *g = m->g;
	switch (below(m, 16)) {
	case 0:
		if (m->m->n_opset_import)
			m->m->opset_import[0]->version = 1 + below(m, 24);
		break;
	case 1:
		rename_one(m);
		break;
	case 2:
		call(m);
		break;
	case 3: case 4:
		if (g->n_input)
			port(m, g->input[below(m, g->n_input)]);
		break;
	case 5: case 6: case 7:
		constant(m);
		break;
	default:
		node(m);
	}
}

/* ---- bytes ---- */

static void *take(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void leave(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

static size_t mutate_message(Mutation *m, uint8_t *data, size_t size,
                             size_t room)
{
	const ProtobufCMessageDescriptor *d = &onnx__model_proto__descriptor;
	ProtobufCAllocator alloc = {take, leave, m->a};
	if (onnx_scan(d, data, size, 64 << 20))
		return 0;
	m->m = (Onnx__ModelProto *)protobuf_c_message_unpack(d, &alloc, size,
	                                                     data);
	if (!m->m || !m->m->graph)
		return 0;
	m->g = m->m->graph;
	for (uint32_t i = 0, n = 1 + below(m, 4); i < n; i++)
		mutate(m);
	size_t packed = onnx__model_proto__get_packed_size(m->m);
	return packed > room ? 0 : onnx__model_proto__pack(m->m, data);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room,
                               unsigned seed)
{
	Mutation m = {.a = arena_create(), .random = seed};
	size_t n = below(&m, 8) ? mutate_message(&m, data, size, room) : 0;
	arena_destroy(m.a);
	return n ? n : LLVMFuzzerMutate(data, size, room);
}

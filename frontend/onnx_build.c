#include "frontend/onnx_build.h"

#include <string.h>

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* Lists double at powers of two, so that copying stays linear. */
void *build_grow(Unit *u, void *list, size_t n)
{
	if (n && n & (n - 1))
		return list;
	void **bigger = arena_array(u->arena, void *, n ? 2 * n : 1);
	if (n)
		memcpy(bigger, list, n * sizeof *bigger);
	return bigger;
}

#define APPEND(u, list, n, item) \
	((list) = build_grow((u), (list), (n)), (list)[(n)++] = (item))

Build build_graph(Unit *u, const char *name, Names *taken)
{
	Build b = {u, arena_new(u->arena, Onnx__GraphProto), taken};
	onnx__graph_proto__init(b.g);
	b.g->name = text(name);
	return b;
}

const char *build_name(Build *b, const char *wish)
{
	while (names_find(b->taken, wish))
		wish = arena_printf(b->u->arena, "%s_", wish);
	names_add(b->taken, wish);
	return wish;
}

/* ---- nodes ---- */

static size_t copy_names(Build *b, const char *const from[], char ***to)
{
	size_t n = 0;
	while (from[n])
		n++;
	*to = arena_array(b->u->arena, char *, n + 1);
	for (size_t i = 0; i < n; i++)
		(*to)[i] = text(from[i]);
	return n;
}

Onnx__NodeProto *build_node(Build *b, const char *domain, const char *op,
                            const char *const in[], const char *const out[])
{
	Onnx__NodeProto *n = arena_new(b->u->arena, Onnx__NodeProto);
	onnx__node_proto__init(n);
	n->op_type = text(op);
	n->domain = text(domain);
	n->name = arena_printf(b->u->arena, "%s", out[0]);
	n->n_input = copy_names(b, in, &n->input);
	n->n_output = copy_names(b, out, &n->output);
	APPEND(b->u, b->g->node, b->g->n_node, n);
	return n;
}

const char *build_value(Build *b, const char *op, const char *wish,
                        const char *const in[])
{
	const char *name = build_name(b, wish);
	build_node(b, "", op, in, NAMES(name));
	return name;
}

static Onnx__AttributeProto *add_attr(Build *b, Onnx__NodeProto *n,
                                      const char *name, int type)
{
	Onnx__AttributeProto *a = arena_new(b->u->arena, Onnx__AttributeProto);
	onnx__attribute_proto__init(a);
	a->name = text(name);
	a->has_type = 1;
	a->type = (Onnx__AttributeProto__AttributeType)type;
	APPEND(b->u, n->attribute, n->n_attribute, a);
	return a;
}

void build_int(Build *b, Onnx__NodeProto *n, const char *attr, int64_t i)
{
	Onnx__AttributeProto *a = add_attr(
		b, n, attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
	a->has_i = 1;
	a->i = i;
}

void build_float(Build *b, Onnx__NodeProto *n, const char *attr, double f)
{
	Onnx__AttributeProto *a = add_attr(
		b, n, attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
	a->has_f = 1;
	a->f = (float)f;
}

static ProtobufCBinaryData bytes_of(const char *s)
{
	return (ProtobufCBinaryData){strlen(s), (uint8_t *)text(s)};
}

void build_string(Build *b, Onnx__NodeProto *n, const char *attr, const char *s)
{
	Onnx__AttributeProto *a = add_attr(
		b, n, attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
	a->has_s = 1;
	a->s = bytes_of(s);
}

void build_strings(Build *b, Onnx__NodeProto *n, const char *attr,
                   const char *const list[])
{
	Onnx__AttributeProto *a = add_attr(
		b, n, attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
	while (list[a->n_strings])
		a->n_strings++;
	a->strings = arena_array(b->u->arena, ProtobufCBinaryData,
	                         a->n_strings + 1);
	for (size_t i = 0; i < a->n_strings; i++)
		a->strings[i] = bytes_of(list[i]);
}

void build_ints(Build *b, Onnx__NodeProto *n, const char *attr, int count,
                const int64_t *list)
{
	Onnx__AttributeProto *a = add_attr(
		b, n, attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	a->n_ints = (size_t)count;
	a->ints = arena_array(b->u->arena, int64_t, count + 1);
	memcpy(a->ints, list, a->n_ints * sizeof *list);
}

const char *build_constant(Build *b, const char *wish, double x)
{
	const char *name = build_name(b, wish);
	static const char *const none[] = {NULL};
	build_float(b, build_node(b, "", "Constant", none, NAMES(name)),
	            "value_float", x);
	return name;
}

const char *build_constant_int(Build *b, const char *wish, int64_t x)
{
	const char *name = build_name(b, wish);
	static const char *const none[] = {NULL};
	build_int(b, build_node(b, "", "Constant", none, NAMES(name)),
	          "value_int", x);
	return name;
}

/* ---- tensors and ports ---- */

void build_init(Build *b, const char *name, DType type, Shape s, double x)
{
	Onnx__TensorProto *t = arena_new(b->u->arena, Onnx__TensorProto);
	int64_t n = numel(s);
	size_t size = (size_t)(n * dtype_size(type));
	uint8_t *data = arena_alloc(b->u->arena, size + 1);
	for (int64_t i = 0; i < n; i++)
		dtype_put(type, data, i, dtype_is_float(type)
		          ? (Scalar){.f = x} : (Scalar){.i = (int64_t)x});
	onnx__tensor_proto__init(t);
	t->name = text(name);
	t->has_data_type = 1;
	t->data_type = dtype_to_onnx(type);
	t->n_dims = (size_t)s.rank;
	t->dims = arena_array(b->u->arena, int64_t, s.rank + 1);
	memcpy(t->dims, s.dim, t->n_dims * sizeof *t->dims);
	t->has_raw_data = 1;
	t->raw_data = (ProtobufCBinaryData){size, data};
	APPEND(b->u, b->g->initializer, b->g->n_initializer, t);
}

static Onnx__TensorShapeProto *shape_proto(Unit *u, Shape s)
{
	Onnx__TensorShapeProto *p = arena_new(u->arena, Onnx__TensorShapeProto);
	onnx__tensor_shape_proto__init(p);
	p->n_dim = (size_t)s.rank;
	p->dim = arena_array(u->arena, Onnx__TensorShapeProto__Dimension *,
	                     s.rank + 1);
	for (int i = 0; i < s.rank; i++) {
		p->dim[i] = arena_new(u->arena,
		                      Onnx__TensorShapeProto__Dimension);
		onnx__tensor_shape_proto__dimension__init(p->dim[i]);
		p->dim[i]->value_case =
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		p->dim[i]->dim_value = s.dim[i];
	}
	return p;
}

Onnx__ValueInfoProto *onnx_port(Unit *u, const char *name, DType type, Shape s)
{
	Onnx__ValueInfoProto *v = arena_new(u->arena, Onnx__ValueInfoProto);
	Onnx__TypeProto *p = arena_new(u->arena, Onnx__TypeProto);
	Onnx__TypeProto__Tensor *t = arena_new(u->arena, Onnx__TypeProto__Tensor);
	onnx__value_info_proto__init(v);
	onnx__type_proto__init(p);
	onnx__type_proto__tensor__init(t);
	v->name = text(name);
	v->type = p;
	p->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	p->tensor_type = t;
	t->has_elem_type = 1;
	t->elem_type = dtype_to_onnx(type);
	t->shape = shape_proto(u, s);
	return v;
}

void build_input(Build *b, const char *name, DType type, Shape s)
{
	APPEND(b->u, b->g->input, b->g->n_input,
	       onnx_port(b->u, name, type, s));
}

void build_output(Build *b, const char *name, DType type, Shape s)
{
	APPEND(b->u, b->g->output, b->g->n_output,
	       onnx_port(b->u, name, type, s));
}

/* ---- around the graph ---- */

void build_pair(Unit *u, size_t *n, Onnx__StringStringEntryProto ***list,
                const char *key, const char *value)
{
	Onnx__StringStringEntryProto *e = arena_new(
		u->arena, Onnx__StringStringEntryProto);
	onnx__string_string_entry_proto__init(e);
	e->key = text(key);
	e->value = text(value);
	APPEND(u, *list, *n, e);
}

void build_opset(Unit *u, Onnx__ModelProto *m, const char *domain)
{
	for (size_t i = 0; i < m->n_opset_import; i++)
		if (m->opset_import[i]->domain &&
		    !strcmp(m->opset_import[i]->domain, domain))
			return;
	Onnx__OperatorSetIdProto *o = arena_new(u->arena,
	                                        Onnx__OperatorSetIdProto);
	onnx__operator_set_id_proto__init(o);
	o->domain = text(domain);
	o->has_version = 1;
	o->version = 1;
	Onnx__OperatorSetIdProto **list = arena_array(
		u->arena, Onnx__OperatorSetIdProto *, m->n_opset_import + 1);
	memcpy(list, m->opset_import, m->n_opset_import * sizeof *list);
	list[m->n_opset_import++] = o;
	m->opset_import = list;
}

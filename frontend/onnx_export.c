/*
 * Trained weights back into the ONNX file.
 *
 * The unpacked file stays as it is; what changes is copied over it, level by
 * level: a model with another graph with other lists of initializers, nodes and
 * inputs. So the old message can be freed as protobuf-c made it.
 */
#include "frontend/files.h"
#include "frontend/import.h"
#include "frontend/onnx_proto.h"
#include "frontend/weights.h"

#include <string.h>

typedef struct Export {
	Unit *u;
	const Weights *weights;
	External files;
	Onnx__GraphProto *g;       /* the copy */
	bool *used;                /* by weight */
	bool declare;              /* IR version < 4: initializers are inputs */
} Export;

static const char *folder_of(Unit *u)
{
	const char *slash = strrchr(u->path, '/');
	if (!slash)
		return ".";
	return slash == u->path ? "/"
	       : arena_strndup(u->arena, u->path, (size_t)(slash - u->path));
}

/* The weight of that name, once; NULL: there is none. */
static const Array *take(Export *e, const char *name)
{
	for (int i = 0; name && i < e->weights->n; i++)
		if (!e->used[i] && !strcmp(e->weights->item[i].name, name)) {
			e->used[i] = true;
			return &e->weights->item[i].array;
		}
	return NULL;
}

static bool same_type(Export *e, const char *name, const Onnx__TensorProto *t,
                      const Array *a)
{
	Unit *u = e->u;
	Shape s = {.rank = (int)t->n_dims};
	DType dtype;
	bool known = dtype_from_onnx(t->data_type, &dtype) &&
	             t->n_dims <= MAX_RANK;
	for (int d = 0; known && d < s.rank; d++)
		s.dim[d] = t->dims[d];
	if (known && dtype == a->dtype && shape_equal(s, a->shape))
		return true;
	error_at(u, (Loc){0}, "initializer '%s' is %s%s, the weight of that "
	         "name %s%s", name, known ? dtype_name(dtype) : "?",
	         known ? shape_text(u->arena, s) : "", dtype_name(a->dtype),
	         shape_text(u->arena, a->shape));
	return false;
}

/* What was read as one copy (import_torch_copies.c), as often as the file has
 * it: all dimensions in front of one that is not 1 count copies. */
static const Array *all_copies(Export *e, const Onnx__TensorProto *t,
                               const Array *a)
{
	Array *all = arena_new(e->u->arena, Array);
	int64_t copies = 1;
	int d = 0;
	*all = *a;
	if ((int)t->n_dims != a->shape.rank)
		return a;
	for (; d < a->shape.rank - 1 && a->shape.dim[d] == 1; d++) {
		all->shape.dim[d] = t->dims[d];
		copies *= t->dims[d];
	}
	for (int i = d; i < a->shape.rank; i++)
		if (t->dims[i] != a->shape.dim[i])
			return a;
	size_t size = (size_t)array_nbytes(a);
	if (copies == 1)
		return a;
	char *data = arena_alloc(e->u->arena, size * (size_t)copies + 1);
	for (int64_t i = 0; i < copies; i++)
		memcpy(data + size * (size_t)i, a->data, size);
	all->data = data;
	return all;
}

/* The tensor with other contents, in raw_data. */
static Onnx__TensorProto *with_data(Export *e, const Onnx__TensorProto *t,
                                    const void *data, size_t size)
{
	Onnx__TensorProto *copy = arena_new(e->u->arena, Onnx__TensorProto);
	*copy = *t;
	copy->n_float_data = copy->n_double_data = 0;
	copy->n_int32_data = copy->n_int64_data = 0;
	copy->n_uint64_data = copy->n_string_data = 0;
	copy->n_external_data = 0;
	copy->has_data_location = 0;
	copy->has_raw_data = 1;
	copy->raw_data = (ProtobufCBinaryData){
		size, (uint8_t *)(uintptr_t)data};
	return copy;
}

/* What has no weight: as it is, but not in another file. NULL after an error. */
static Onnx__TensorProto *old_contents(Export *e, Onnx__TensorProto *t)
{
	OnnxTensor out;
	if (t->data_location != ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
		return t;
	if (!onnx_tensor(e->u, (Loc){0}, t, &e->files, &out))
		return NULL;
	return with_data(e, t, out.data, (size_t)(numel(out.shape) *
	                 dtype_size(out.dtype)));
}

static Onnx__TensorProto *new_contents(Export *e, Onnx__TensorProto *t,
                                       const Array *a)
{
	a = all_copies(e, t, a);
	return same_type(e, t->name, t, a)
	       ? with_data(e, t, a->data, (size_t)array_nbytes(a)) : NULL;
}

/* ---- transposed copies: import_torch_mend.c, import_torch_script.c ---- */

/* NULL: it is no matrix that could be one. */
static const char *fingerprint(Export *e, const Onnx__TensorProto *t,
                               bool transposed)
{
	OnnxTensor read;
	if (t->n_dims != 2 || !onnx_tensor(e->u, (Loc){0}, t, &e->files, &read))
		return NULL;
	return onnx_fingerprint(e->u->arena, &read, transposed);
}

static Array transposed(Arena *arena, const Array *a)
{
	int64_t rows = a->shape.dim[0], columns = a->shape.dim[1];
	size_t size = (size_t)dtype_size(a->dtype);
	char *to = arena_alloc(arena, (size_t)array_nbytes(a) + 1);
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			memcpy(to + (size_t)(j * rows + i) * size,
			       (const char *)a->data +
			       (size_t)(i * columns + j) * size, size);
	return (Array){a->dtype, {2, {columns, rows}}, to};
}

/* What is a transposed copy of an initializer that has a weight, gets it, too:
 * they were read as one. */
static bool copy_transposed(Export *e, const Array *const given[],
                            Onnx__TensorProto *list[])
{
	const Onnx__GraphProto *g = e->g;
	Names *names = names_create(e->u->arena, g->n_initializer);
	for (size_t i = 0; i < g->n_initializer; i++) {
		const char *text = given[i] ? fingerprint(e, g->initializer[i],
		                                          false) : NULL;
		if (text)
			names_add(names, text)->init = (int)i;
	}
	bool good = true;
	for (size_t i = 0; i < g->n_initializer; i++) {
		Onnx__TensorProto *t = g->initializer[i];
		const char *text = given[i] ? NULL : fingerprint(e, t, true);
		const Name *n = text ? names_find(names, text) : NULL;
		if (!n)
			continue;
		Array a = transposed(e->u->arena, given[n->init]);
		list[i] = new_contents(e, t, &a);
		good &= list[i] != NULL;
	}
	return good;
}

static bool replace_initializers(Export *e)
{
	Onnx__GraphProto *g = e->g;
	size_t n = g->n_initializer;
	Onnx__TensorProto **list = arena_array(
		e->u->arena, Onnx__TensorProto *, n + (size_t)e->weights->n);
	const Array **given = arena_array(e->u->arena, const Array *, n + 1);
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		Onnx__TensorProto *t = g->initializer[i];
		given[i] = take(e, t->name);
		list[i] = given[i] ? new_contents(e, t, given[i])
		                   : old_contents(e, t);
		good &= list[i] != NULL;
	}
	good = good && copy_transposed(e, given, list);
	g->initializer = list;
	return good;
}

static Onnx__TensorProto *new_initializer(Export *e, const char *name,
                                         const Array *a)
{
	Arena *arena = e->u->arena;
	Onnx__TensorProto *t = arena_new(arena, Onnx__TensorProto);
	onnx__tensor_proto__init(t);
	t->name = arena_printf(arena, "%s", name);
	t->has_data_type = 1;
	t->data_type = dtype_to_onnx(a->dtype);
	t->n_dims = (size_t)a->shape.rank;
	t->dims = arena_array(arena, int64_t, a->shape.rank + 1);
	memcpy(t->dims, a->shape.dim, t->n_dims * sizeof *t->dims);
	return with_data(e, t, a->data, (size_t)array_nbytes(a));
}

/* The declaration that old files want of every initializer. */
static void add_input(Export *e, const char *name, const Array *a)
{
	name = arena_printf(e->u->arena, "%s", name);
	e->g->input[e->g->n_input++] = onnx_port(e->u, name, a->dtype,
	                                         a->shape);
}

/* What a node is that stands for an initializer: an Identity gives one a second
 * name, a Constant may be a layer's weight (import_constants.c). */
static const Array *weight_of(Export *e, const Onnx__NodeProto *n)
{
	const char *op = n->op_type ? n->op_type : "";
	if (n->n_output != 1 || (strcmp(op, "Identity") && strcmp(op, "Constant")))
		return NULL;
	const Array *a = take(e, n->output[0]);
	const Onnx__TensorProto *t = a && n->n_attribute ? n->attribute[0]->t
	                                                 : NULL;
	if (t)
		same_type(e, n->output[0], t, a);
	return a;
}

/* ---- branches and loops: import_constants.c ---- */

static Onnx__NodeProto *with_bodies(Export *, Onnx__NodeProto *);

/* What has a weight there is an initializer of the body. */
static Onnx__GraphProto *with_weights(Export *e, const Onnx__GraphProto *old)
{
	Arena *arena = e->u->arena;
	Onnx__GraphProto *g = arena_new(arena, Onnx__GraphProto);
	*g = *old;
	g->initializer = arena_array(arena, Onnx__TensorProto *,
	                             old->n_initializer + old->n_node + 1);
	g->node = arena_array(arena, Onnx__NodeProto *, old->n_node + 1);
	g->n_node = 0;
	for (size_t i = 0; i < old->n_initializer; i++) {
		Onnx__TensorProto *t = old->initializer[i];
		const Array *a = take(e, t->name);
		Onnx__TensorProto *made = a ? new_contents(e, t, a) : NULL;
		g->initializer[i] = made ? made : t;
	}
	for (size_t i = 0; i < old->n_node; i++) {
		const Array *a = weight_of(e, old->node[i]);
		if (a)
			g->initializer[g->n_initializer++] =
				new_initializer(e, old->node[i]->output[0], a);
		else
			g->node[g->n_node++] = with_bodies(e, old->node[i]);
	}
	return g;
}

static Onnx__NodeProto *with_bodies(Export *e, Onnx__NodeProto *n)
{
	Arena *arena = e->u->arena;
	bool has = false;
	for (size_t i = 0; i < n->n_attribute; i++)
		has |= n->attribute[i]->g != NULL;
	if (!has)
		return n;
	Onnx__NodeProto *copy = arena_new(arena, Onnx__NodeProto);
	*copy = *n;
	copy->attribute = arena_array(arena, Onnx__AttributeProto *,
	                              n->n_attribute + 1);
	for (size_t i = 0; i < n->n_attribute; i++) {
		Onnx__AttributeProto *a = arena_new(arena, Onnx__AttributeProto);
		*a = *n->attribute[i];
		if (a->g)
			a->g = with_weights(e, a->g);
		copy->attribute[i] = a;
	}
	return copy;
}

/* Those that have a weight become initializers. */
static void replace_stand_ins(Export *e)
{
	Arena *arena = e->u->arena;
	Onnx__GraphProto *g = e->g;
	Onnx__NodeProto **old = g->node;
	size_t n = g->n_node, more = g->n_input + (size_t)e->weights->n;
	Onnx__ValueInfoProto **input = arena_array(
		arena, Onnx__ValueInfoProto *, more);
	for (size_t i = 0; i < g->n_input; i++)
		input[i] = g->input[i];
	g->input = input;
	g->node = arena_array(arena, Onnx__NodeProto *, n + 1);
	g->n_node = 0;
	for (size_t i = 0; i < n; i++) {
		const Array *a = weight_of(e, old[i]);
		if (!a) {
			g->node[g->n_node++] = with_bodies(e, old[i]);
			continue;
		}
		g->initializer[g->n_initializer++] =
			new_initializer(e, old[i]->output[0], a);
		if (e->declare)
			add_input(e, old[i]->output[0], a);
	}
}

/* ---- coefficients that are attributes: import_ml.c ---- */

static Onnx__AttributeProto *with_floats(Export *e,
                                         const Onnx__AttributeProto *old,
                                         const Array *a)
{
	Onnx__AttributeProto *copy = arena_new(e->u->arena,
	                                       Onnx__AttributeProto);
	*copy = *old;
	copy->floats = (float *)(uintptr_t)a->data;
	return copy;
}

/* The node, or a copy of it with the attributes that are weights. */
static Onnx__NodeProto *with_coefficients(Export *e, Onnx__NodeProto *n)
{
	Arena *arena = e->u->arena;
	Onnx__NodeProto *copy = arena_new(arena, Onnx__NodeProto);
	const char *name = n->name && *n->name ? n->name
	                 : n->n_output ? n->output[0] : "";
	const char *op = n->op_type ? n->op_type : "";
	*copy = *n;
	copy->attribute = arena_array(arena, Onnx__AttributeProto *,
	                              n->n_attribute + 1);
	for (size_t i = 0; i < n->n_attribute; i++) {
		Onnx__AttributeProto *old = n->attribute[i];
		const char *attr = old->name ? old->name : "";
		const Array *a = take(e, arena_printf(arena, "%s.%s", name,
		                                      attr));
		bool same = a && a->dtype == DT_F32 &&
		            (uint64_t)numel(a->shape) == old->n_floats;
		if (a && !same)
			error_at(e->u, (Loc){name, op}, "%s has %zu "
			         "numbers, the weight of that name is %s%s",
			         attr, old->n_floats, dtype_name(a->dtype),
			         shape_text(arena, a->shape));
		copy->attribute[i] = same ? with_floats(e, old, a) : old;
	}
	return copy;
}

static void replace_coefficients(Export *e)
{
	Onnx__GraphProto *g = e->g;
	for (size_t i = 0; i < g->n_node; i++)
		if (g->node[i]->domain && !strcmp(g->node[i]->domain, ML_DOMAIN))
			g->node[i] = with_coefficients(e, g->node[i]);
}

static bool all_used(const Export *e)
{
	bool good = true;
	for (int i = 0; i < e->weights->n; i++)
		if (!e->used[i]) {
			error_at(e->u, (Loc){0}, "there is no initializer for "
			         "the weight '%s'", e->weights->item[i].name);
			good = false;
		}
	return good;
}

static bool write_model(Unit *u, const char *out, const Onnx__ModelProto *m)
{
	size_t size = onnx__model_proto__get_packed_size(m);
	if (size > INT32_MAX) {
		file_error(u, out, "an ONNX file of %zu bytes: protobuf allows "
		           "2 GiB", size);
		return false;
	}
	uint8_t *bytes = arena_alloc(u->arena, size + 1);
	onnx__model_proto__pack(m, bytes);
	return file_write(u, out, bytes, size);
}

static bool export_model(Unit *u, const char *out, const Weights *w,
                         const OnnxChange *change, const Onnx__ModelProto *old)
{
	if (!old->graph) {
		error_at(u, (Loc){0}, "is not an ONNX model: it has no graph");
		return false;
	}
	Onnx__ModelProto m = *old;
	Onnx__GraphProto g = *old->graph;
	Export e = {.u = u, .weights = w, .g = &g,
	            .files = external_open(u, folder_of(u)),
	            .declare = old->ir_version < 4};
	m.graph = &g;
	e.used = arena_array(u->arena, bool, w->n + 1);
	if (!replace_initializers(&e))
		return false;
	replace_stand_ins(&e);
	replace_coefficients(&e);
	return all_used(&e) && !u->nerrors &&
	       (!change || change->make(u, &m, change->user)) &&
	       write_model(u, out, &m);
}

bool onnx_write_weights(Unit *u, const char *out, const Weights *w)
{
	return onnx_write_changed(u, out, w, NULL);
}

bool onnx_write_changed(Unit *u, const char *out, const Weights *w,
                        const OnnxChange *change)
{
	OnnxBytes b;
	if (!onnx_map(u, u->path, &b))
		return false;
	ProtobufCMessage *m = onnx_unpack(u, u->path,
	                                  &onnx__model_proto__descriptor, b);
	bool good = m && export_model(u, out, w, change,
	                              (Onnx__ModelProto *)m);
	if (m)
		onnx_unpacked_free(m);
	onnx_unmap(b);
	return good;
}

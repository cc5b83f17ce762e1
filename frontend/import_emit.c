/*
 * Internal nodes for an ONNX node. A node whose inputs are all constant is
 * evaluated on the spot by the interpreter: that is how Shape, Gather, Concat
 * and all other arithmetic on shapes disappears.
 */
#include "frontend/import.h"

#include <string.h>

/* Operations on constants, per model: more is a mistake in the file. (Fuzzers make
 * do with less.) */
#ifndef MAX_FOLDED
#define MAX_FOLDED 100000000
#endif

bool site_spend(Site *s, int64_t work, int64_t elements, DType t)
{
	Import *im = s->im;
	int64_t size = dtype_size(t);
	work = work > elements ? work : elements;
	if (work > MAX_FOLDED - im->folded) {
		site_error(s, "too much constant arithmetic: %lld operations",
		           (long long)work);
		return false;
	}
	if (elements > (MOST_MADE_BYTES - im->made) / size) {
		site_error(s, "makes a constant of %lld elements, which is too "
		           "large with those before it", (long long)elements);
		return false;
	}
	im->folded += work;
	im->made += elements * size;
	return true;
}

void *site_constant(Site *s, DType t, Shape shape)
{
	if (!shape_valid(shape)) {
		site_error(s, "makes a constant of the impossible shape %s",
		           shape_text(s->im->u->arena, shape));
		return NULL;
	}
	int64_t n = numel(shape);
	if (!site_spend(s, n, n, t))
		return NULL;
	return arena_calloc(s->im->u->arena, (size_t)n + 1,
	                    (size_t)dtype_size(t));
}

void site_unsupported(const Site *s)
{
	site_error(s, "this operator is not supported; `thimble ops` lists those "
	           "that are");
}

const OpDef *site_op(Site *s, const char *name)
{
	const OpDef *op = op_find(name);
	if (!op)
		site_unsupported(s);
	return op;
}

/* ---- evaluation ---- */

static bool all_constant(const Node *n)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && n->in[i]->kind != V_CONST)
			return false;
	return n->nin > 0;
}

static bool fold_budget(Site *s, const Kernel *k, const Node *n)
{
	int64_t work = kernel_cost(k).flops;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && numel(n->in[i]->shape) > work)
			work = numel(n->in[i]->shape);
	for (int o = 0; o < n->nout; o++, work = 0)
		if (!site_spend(s, work, numel(n->out[o]->shape),
		                n->out[o]->dtype))
			return false;
	return true;
}

static void evaluate(Site *s, const Kernel *k, Node *n)
{
	Graph *g = s->im->g;
	Arena *scratch = arena_create();
	void **buf = arena_array(scratch, void *, g->nvalues);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			buf[n->in[i]->id] = (void *)(uintptr_t)n->in[i]->data;
	for (int o = 0; o < n->nout; o++) {
		Value *v = n->out[o];
		int64_t bytes = value_bytes(v);
		buf[v->id] = arena_alloc(s->im->u->arena, (size_t)bytes + 1);
	}
	kernel_eval(k, buf, false);
	for (int o = 0; o < n->nout; o++) {
		n->out[o]->kind = V_CONST;
		n->out[o]->data = buf[n->out[o]->id];
		n->out[o]->def = NULL;
	}
	arena_destroy(scratch);
	graph_remove(g, n);
}

static bool fold(Site *s, Node *n)
{
	Arena *scratch = arena_create();
	Kernel *k = kernel_of(scratch, n);
	bool ok = fold_budget(s, k, n);
	if (ok)
		evaluate(s, k, n);
	arena_destroy(scratch);
	return ok;
}

static bool types_fit(Site *s, const Node *n)
{
	Arena *scratch = arena_create();
	const char *misfit = kernel_misfit(scratch, n);
	if (misfit)
		site_error(s, "its types are not supported: there is no %s",
		           misfit);
	arena_destroy(scratch);
	return !misfit;
}

Value *site_done(Site *s, Node *n)
{
	if (!n || !node_done(s->im->g, n) || !types_fit(s, n))
		return NULL;
	if (all_constant(n) && !fold(s, n))
		return NULL;
	return n->out[0];
}

bool site_result(Site *s, Node *n)
{
	if (!site_done(s, n))
		return false;
	for (int o = 0; o < s->nout && o < n->nout; o++)
		s->out[o] = n->out[o];
	return true;
}

/* ---- common nodes ---- */

Value *site_apply(Site *s, const char *name, int nin, Value *const in[])
{
	const OpDef *op = site_op(s, name);
	return op ? site_done(s, node_new(s->im->g, s->loc, op, nin, in)) : NULL;
}

/* A constant keeps its data; a value that has the shape already is it. */
Value *site_reshape(Site *s, Value *v, Shape to)
{
	Graph *g = s->im->g;
	if (shape_equal(v->shape, to))
		return v;
	if (v->kind == V_CONST && numel(v->shape) == numel(to))
		return graph_const(g, NULL, v->dtype, to, v->data);
	const OpDef *op = site_op(s, "Reshape");
	if (!op)
		return NULL;
	Node *n = node_new(g, s->loc, op, 1, &v);
	node_set_ints(g, n, "shape", to.rank, to.dim);
	return site_done(s, n);
}

Value *site_transpose(Site *s, Value *v, const int perm[])
{
	const OpDef *op = site_op(s, "Transpose");
	int64_t axes[MAX_RANK];
	if (!op)
		return NULL;
	for (int i = 0; i < v->shape.rank; i++)
		axes[i] = perm[i];
	Node *n = node_new(s->im->g, s->loc, op, 1, &v);
	node_set_ints(s->im->g, n, "perm", v->shape.rank, axes);
	return site_done(s, n);
}

Value *site_cast(Site *s, Value *v, DType to)
{
	const OpDef *op = site_op(s, "Cast");
	if (!op || v->dtype == to)
		return op ? v : NULL;
	Node *n = node_new(s->im->g, s->loc, op, 1, &v);
	node_set_int(s->im->g, n, "to", dtype_to_onnx(to));
	return site_done(s, n);
}

Value *site_concat(Site *s, int axis, int n, Value *const in[])
{
	const OpDef *op = site_op(s, "Concat");
	if (!op)
		return NULL;
	Node *node = node_new(s->im->g, s->loc, op, n, in);
	node_set_int(s->im->g, node, "axis", axis);
	return site_done(s, node);
}

Value *site_slice(Site *s, Value *v, int64_t axis, int64_t start, int64_t end,
                  int64_t step)
{
	const OpDef *op = site_op(s, "Slice");
	if (!op)
		return NULL;
	Node *n = node_new(s->im->g, s->loc, op, 1, &v);
	node_set_ints(s->im->g, n, "starts", 1, &start);
	node_set_ints(s->im->g, n, "ends", 1, &end);
	node_set_ints(s->im->g, n, "axes", 1, &axis);
	node_set_ints(s->im->g, n, "steps", 1, &step);
	return site_done(s, n);
}

Shape site_rows(Shape s, int64_t axis)
{
	Shape rows = {.rank = 2, .dim = {1, 1}};
	for (int i = 0; i < s.rank; i++)
		rows.dim[i >= axis] *= s.dim[i];
	return rows;
}

Value *site_ints_value(Site *s, int n, const int64_t *x, int rank)
{
	int64_t *data = arena_array(s->im->u->arena, int64_t, n + 1);
	if (n)
		memcpy(data, x, sizeof *x * (size_t)n);
	return graph_const(s->im->g, NULL, DT_I64,
	                   (Shape){.rank = rank, .dim = {n}}, data);
}

/* ---- attributes by name ---- */

static bool copy_attr(Site *s, Node *n, const AttrDef *d, const OnnxAttr *a)
{
	Graph *g = s->im->g;
	static const OnnxAttrKind kinds[] = {
		[ATTR_INT] = OA_INT, [ATTR_FLOAT] = OA_FLOAT,
		[ATTR_STRING] = OA_STRING, [ATTR_INTS] = OA_INTS,
		[ATTR_FLOATS] = OA_FLOATS,
	};
	if (a->kind != kinds[d->kind]) {
		site_error(s, "attribute '%s' is of the wrong kind", a->name);
		return false;
	}
	switch (d->kind) {
	case ATTR_INT:
		node_set_int(g, n, d->name, a->i);
		break;
	case ATTR_FLOAT:
		node_set_float(g, n, d->name, a->f);
		break;
	case ATTR_STRING:
		node_set_string(g, n, d->name, a->s);
		break;
	case ATTR_INTS:
		node_set_ints(g, n, d->name, a->n, a->ints);
		break;
	case ATTR_FLOATS:
		node_set_floats(g, n, d->name, a->n, a->floats);
		break;
	}
	return true;
}

bool site_copy_attrs(Site *s, Node *n)
{
	bool ok = true;
	for (int i = 0; i < s->n->nattr; i++) {
		const OnnxAttr *a = &s->n->attr[i];
		int d = op_attr(n->op, a->name);
		if (d >= 0)
			ok &= copy_attr(s, n, &n->op->attrs[d], a);
	}
	return ok;
}

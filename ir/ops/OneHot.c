/*
 * OneHot: y[i.., c, j..] = values[1] where c is indices[i.., j..], else
 * values[0]; the new dimension, of `depth`, is `axis` of y. A negative index
 * counts from the end; one that is out of range gives values[0] throughout.
 * dvalues[1] is the sum of dy where y is values[1], dvalues[0] of the others.
 */
#include "ir/build.h"
#include "ir/gather.h"

enum { AXIS, DEPTH };

static int axis_of(const Node *n)
{
	int64_t axis = attr_int(n, AXIS);
	return (int)(axis < 0 ? axis + n->in[0]->shape.rank + 1 : axis);
}

static bool infer(Unit *u, Node *n)
{
	Shape from = n->in[0]->shape, to = {.rank = from.rank + 1};
	int axis;
	if (to.rank > MAX_RANK || attr_int(n, DEPTH) < 0 ||
	    numel(n->in[1]->shape) != 2) {
		error_at(u, n->loc, "depth is %lld, indices %s, values %s; "
		         "expected two values and at most %d dimensions",
		         (long long)attr_int(n, DEPTH),
		         shape_text(u->arena, from),
		         shape_text(u->arena, n->in[1]->shape), MAX_RANK);
		return false;
	}
	if (!infer_axis(u, n, attr_int(n, AXIS), to.rank, &axis))
		return false;
	for (int i = 0, d = 0; i < to.rank; i++)
		to.dim[i] = i == axis ? attr_int(n, DEPTH) : from.dim[d++];
	n->out[0]->dtype = n->in[1]->dtype;
	n->out[0]->shape = to;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *index = n->in[0], *y = n->out[0];
	int axis = axis_of(n), rank = index->shape.rank, loop[MAX_RANK];
	Index at[MAX_RANK];
	k_for_shape(k, index->shape, loop);
	for (int i = 0; i < rank; i++)
		at[i < axis ? i : i + 1] = k_at(loop[i]);
	Expr *e = k_load(k, index, loop);
	int hot = gather_index(k, k_cast(k, DT_I64, e), y->shape.dim[axis]);
	at[axis] = k_at(k_for(k, y->shape.dim[axis]));
	Expr *is = k_eq(k, k_cast(k, DT_I64, k_index(k, at[axis])),
	                k_get(k, hot));
	k_store_at(k, y, at, k_sel(k, is,
	                           k_load_flat(k, n->in[1], k_const(1)),
	                           k_load_flat(k, n->in[1], k_const(0))));
	k_end_n(k, rank + 1);
}

static Value *sum_of_all(Graph *g, Loc loc, Value *v)
{
	Node *n = NEW(g, loc, op_ReduceSum, v);
	node_set_int(g, n, "keepdims", 0);
	return build_reshape(g, loc, node_done(g, n), (Shape){1, {1}});
}

static Value *mask(Graph *g, Node *n, DType type)
{
	char *data = arena_alloc(g->unit->arena, 2 * (size_t)dtype_size(type));
	dtype_put(type, data, 0, (Scalar){.f = 0});
	dtype_put(type, data, 1, (Scalar){.f = 1});
	Node *hot = NEW(g, n->loc, op_OneHot, n->in[0],
	                graph_const(g, NULL, type, (Shape){1, {2}}, data));
	node_copy_attrs(g, hot, n);
	return node_done(g, hot);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *hot = APPLY(g, n->loc, op_Mul, dy[0],
	                   mask(g, n, dy[0]->dtype));
	Value *one = sum_of_all(g, n->loc, hot);
	Value *zero = APPLY(g, n->loc, op_Sub, sum_of_all(g, n->loc, dy[0]), one);
	Node *both = NEW(g, n->loc, op_Concat, zero, one);
	node_set_int(g, both, "axis", 0);
	dx[1] = build_reshape(g, n->loc, node_done(g, both), n->in[1]->shape);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return part[0] && !part[1] && axis_of(n) > 0 &&
	       parts_give(n, PART_ROWS, out);
}

const OpDef op_OneHot = {
	.name = "OneHot", .since = 11, .min_in = 2, .max_in = 2,
	ATTRS([AXIS] = {"axis", ATTR_INT, true, .i = -1},
	      [DEPTH] = {"depth", ATTR_INT}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(4), DT_I64, -5, 4}, {DIMS(2)}},
	          .attr = {{"depth", 5}}},
	         {.in = {{DIMS(2, 3), DT_I32, 0, 9}, {DIMS(2), DT_I32, 0, 9}},
	          .attr = {{"axis", 1}, {"depth", 4}}},
	         {.in = {{{0}, DT_I64, 0, 2}, {DIMS(2)}},
	          .attr = {{"axis", 0}, {"depth", 3}}}),
};

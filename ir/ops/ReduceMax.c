/*
 * ReduceMax: y = the greatest x. dx = dy / c where x == y, else 0; c is the
 * number of such elements, so ties share the gradient equally.
 */
#include "ir/reduce.h"

static bool infer(Unit *u, Node *n)
{
	if (!reduce_infer(u, n))
		return false;
	if (numel(n->in[0]->shape))
		return true;
	error_at(u, n->loc, "reduces %s, which has no elements",
	         shape_text(u->arena, n->in[0]->shape));
	return false;
}

static void lower(Kernel *k, const Node *n)
{
	reduce_lower(k, n, true, k_max, NULL);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *is = APPLY(g, n->loc, op_Equal, n->in[0],
	                  reduce_align(g, n, n->out[0]));
	Node *cast = NEW(g, n->loc, op_Cast, is);
	node_set_int(g, cast, "to", dtype_to_onnx(n->in[0]->dtype));
	Value *mask = node_done(g, cast);
	Node *count = NEW(g, n->loc, op_ReduceSum, mask);
	node_copy_attrs(g, count, n);
	Value *share = APPLY(g, n->loc, op_Div, dy[0], node_done(g, count));
	dx[0] = APPLY(g, n->loc, op_Mul, mask, reduce_align(g, n, share));
}

const OpDef op_ReduceMax = {
	.name = "ReduceMax", .since = 13, .min_in = 1, .max_in = 1,
	REDUCE_ATTRS,
	.infer = infer,
	.lower = lower,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"axes", INTS(1)}}},
	         {.in = {{DIMS(2, 1, 5)}},
	          .attr = {{"axes", INTS(-1, 0)}, {"keepdims", 0}}},
	         {.in = {{DIMS(3, 5)}}, .attr = {{"keepdims", 0}}},
	         {.in = {{{0}}}},
	         {.in = {{DIMS(2, 3)}}, .attr = {{"noop_with_empty_axes", 1}}},
	         {.in = {{DIMS(2, 7), DT_I32, -9, 9}},
	          .attr = {{"axes", INTS(1)}}}),
};

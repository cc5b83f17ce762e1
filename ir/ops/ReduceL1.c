/* ReduceL1: y = sum of |x|. dx = dy sign x. */
#include "ir/reduce.h"

static Expr *add_size(Kernel *k, Expr *sum, Expr *x)
{
	return k_add(k, sum, k_abs(k, x));
}

static void lower(Kernel *k, const Node *n)
{
	reduce_lower(k, n, FROM_ZERO, add_size, NULL);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_Mul, APPLY(g, n->loc, op_Sign, n->in[0]),
	              reduce_align(g, n, dy[0]));
}

const OpDef op_ReduceL1 = {
	.name = "ReduceL1", .since = 13, .min_in = 1, .max_in = 1,
	REDUCE_ATTRS,
	.infer = reduce_infer,
	.lower = lower,
	.grad = grad,
	.parts = reduce_parts_sum,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"axes", INTS(1)}}},
	         {.in = {{DIMS(2, 1, 5)}},
	          .attr = {{"axes", INTS(-1, 0)}, {"keepdims", 0}}},
	         {.in = {{DIMS(3, 5)}}, .attr = {{"keepdims", 0}}},
	         {.in = {{{0}}}},
	         {.in = {{DIMS(2, 3)}}, .attr = {{"noop_with_empty_axes", 1}}}),
};

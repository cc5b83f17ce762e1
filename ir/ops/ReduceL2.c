/* ReduceL2: y = sqrt of the sum of x^2. dx = dy x / y, and 0 where y is 0. */
#include "ir/reduce.h"

static Expr *root(Kernel *k, const Node *n, Expr *sum)
{
	return k_sqrt(k, sum);
}

static void lower(Kernel *k, const Node *n)
{
	reduce_lower(k, n, FROM_ZERO, reduce_add_square, root);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_ReduceL2Grad, reduce_align(g, n, dy[0]),
	              n->in[0], reduce_align(g, n, n->out[0]));
}

const OpDef op_ReduceL2 = {
	.name = "ReduceL2", .since = 13, .min_in = 1, .max_in = 1,
	REDUCE_ATTRS,
	.infer = reduce_infer,
	.lower = lower,
	.grad = grad,
	.parts = reduce_parts_kept,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"axes", INTS(1)}}},
	         {.in = {{DIMS(2, 1, 5)}},
	          .attr = {{"axes", INTS(-1, 0)}, {"keepdims", 0}}},
	         {.in = {{DIMS(3, 5)}}, .attr = {{"keepdims", 0}}},
	         {.in = {{{0}}}},
	         {.in = {{DIMS(2, 3)}}, .attr = {{"noop_with_empty_axes", 1}}}),
};

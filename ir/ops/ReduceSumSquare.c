/* ReduceSumSquare: y = sum of x^2. dx = 2 x dy, dy spread back. */
#include "ir/build.h"
#include "ir/reduce.h"

static void lower(Kernel *k, const Node *n)
{
	reduce_lower(k, n, FROM_ZERO, reduce_add_square, NULL);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *twice = build_scale(g, n->loc, reduce_align(g, n, dy[0]), 2);
	dx[0] = APPLY(g, n->loc, op_Mul, n->in[0], twice);
}

const OpDef op_ReduceSumSquare = {
	.name = "ReduceSumSquare", .since = 13, .min_in = 1, .max_in = 1,
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

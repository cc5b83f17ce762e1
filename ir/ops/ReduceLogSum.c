/* ReduceLogSum: y = ln of the sum of x. dx = dy e^-y. */
#include "ir/build.h"
#include "ir/reduce.h"

static Expr *logarithm(Kernel *k, const Node *n, Expr *sum)
{
	return k_log(k, sum);
}

static void lower(Kernel *k, const Node *n)
{
	reduce_lower(k, n, FROM_ZERO, k_add, logarithm);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *inverse = APPLY(g, n->loc, op_Exp,
	                       APPLY(g, n->loc, op_Neg, n->out[0]));
	Value *each = APPLY(g, n->loc, op_Mul, dy[0], inverse);
	dx[0] = build_expand(g, n->loc, reduce_align(g, n, each),
	                     n->in[0]->shape);
}

const OpDef op_ReduceLogSum = {
	.name = "ReduceLogSum", .since = 13, .min_in = 1, .max_in = 1,
	REDUCE_ATTRS,
	.infer = reduce_infer,
	.lower = lower,
	.grad = grad,
	.parts = reduce_parts_kept,
	EXAMPLES({.in = {{DIMS(2, 3), .lo = 0.5, .hi = 2}}},
	         {.in = {{DIMS(2, 3, 4), .lo = 0.5, .hi = 2}}, .attr = {{"axes", INTS(1)}}},
	         {.in = {{DIMS(2, 1, 5), .lo = 0.5, .hi = 2}},
	          .attr = {{"axes", INTS(-1, 0)}, {"keepdims", 0}}},
	         {.in = {{DIMS(3, 5), .lo = 0.5, .hi = 2}}, .attr = {{"keepdims", 0}}},
	         {.in = {{{0}, .lo = 0.5, .hi = 2}}},
	         {.in = {{DIMS(2, 3), .lo = 0.5, .hi = 2}}, .attr = {{"noop_with_empty_axes", 1}}}),
};

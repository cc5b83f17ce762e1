/*
 * ReduceMax: y = the greatest x. dx = dy / c where x == y, else 0; c is the
 * number of such elements, so ties share the gradient equally.
 */
#include "ir/reduce.h"

static void lower(Kernel *k, const Node *n)
{
	reduce_lower(k, n, FROM_FIRST, k_max, NULL);
}

const OpDef op_ReduceMax = {
	.name = "ReduceMax", .since = 13, .min_in = 1, .max_in = 1,
	REDUCE_ATTRS,
	.infer = reduce_infer_nonempty,
	.lower = lower,
	.grad = reduce_grad_ties,
	.parts = reduce_parts_kept,
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

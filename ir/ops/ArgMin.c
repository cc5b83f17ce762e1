/* ArgMin: where along `axis` x is least, as an i64; of equal elements the
 * first, or the last with select_last_index. */
#include "ir/arg_reduce.h"

static void lower(Kernel *k, const Node *n)
{
	arg_reduce_lower(k, n, k_lt);
}

const OpDef op_ArgMin = {
	.name = "ArgMin", .since = 13, .min_in = 1, .max_in = 1,
	ARG_REDUCE_ATTRS,
	.infer = arg_reduce_infer,
	.lower = lower,
	.stops = true,
	.parts = arg_reduce_parts,
	EXAMPLES({.in = {{DIMS(5, 3)}}},
	         {.in = {{DIMS(2, 7, 3)}},
	          .attr = {{"axis", 1}, {"keepdims", 0}}},
	         {.in = {{DIMS(3, 9), DT_I32, -2, 2}}, .attr = {{"axis", -1}}},
	         {.in = {{DIMS(3, 9), DT_I32, -2, 2}},
	          .attr = {{"axis", -1}, {"select_last_index", 1}}}),
};

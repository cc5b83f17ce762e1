/* LessOrEqual: y = a <= b, a bool. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_le(k, x[0], x[1]);
}

const OpDef op_LessOrEqual = {
	.name = "LessOrEqual", .since = 16, .min_in = 2, .max_in = 2,
	.infer = infer_compare,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(5)}}},
	         {.in = {{DIMS(9), DT_I64, -2, 2}, {DIMS(9), DT_I64, -2, 2}}}),
};

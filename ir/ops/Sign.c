/* Sign: 1, 0 or -1. Its gradient is 0 everywhere. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *zero = k_num(k, 0);
	Expr *sign = k_sub(k, k_gt(k, x[0], zero), k_lt(k, x[0], zero));
	y[0] = k_cast(k, x[0]->type, sign);
}

const OpDef op_Sign = {
	.name = "Sign", .since = 9, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5)}}},
	         {.in = {{DIMS(9), DT_I64, -1, 1}}}),
};

/* BitwiseAnd: y = a and b, bit by bit; integers of one type. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_and(k, x[0], x[1]);
}

const OpDef op_BitwiseAnd = {
	.name = "BitwiseAnd", .since = 18, .min_in = 2, .max_in = 2,
	.infer = infer_integers,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5), DT_I32, -99, 99},
	                 {DIMS(5), DT_I32, -99, 99}}},
	         {.in = {{DIMS(9), DT_U8, 0, 255}, {DIMS(9), DT_U8, 0, 255}}},
	         {.in = {{DIMS(7), DT_I64, -1e12, 1e12},
	                 {DIMS(7), DT_I64, -1e12, 1e12}}}),
};

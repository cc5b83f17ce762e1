/* BitwiseNot: y = x with every bit turned; an integer. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_xor(k, x[0], k_num(k, -1));
}

const OpDef op_BitwiseNot = {
	.name = "BitwiseNot", .since = 18, .min_in = 1, .max_in = 1,
	.infer = infer_integers,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5), DT_I32, -99, 99}}},
	         {.in = {{DIMS(9), DT_U8, 0, 255}}},
	         {.in = {{DIMS(7), DT_U32, 0, 4294967295.0}}}),
};

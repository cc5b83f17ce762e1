/* ReduceL2Grad(dy, x, y): dx = dy x / y, and 0 where y is 0, where x is. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *zero = k_num(k, 0);
	Expr *slope = k_div(k, k_mul(k, x[0], x[1]), x[2]);
	y[0] = k_sel(k, k_eq(k, x[2], zero), zero, slope);
}

const OpDef op_ReduceL2Grad = {
	.name = "ReduceL2Grad", .min_in = 3, .max_in = 3,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 1)}, {DIMS(2, 3)},
	                 {DIMS(2, 1), .lo = 1, .hi = 2}}}),
};

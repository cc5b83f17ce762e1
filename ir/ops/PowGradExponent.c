/*
 * PowGradExponent: de = dy y ln x, and 0 where x == 0 and e >= 0; inputs dy, x,
 * e and Pow's output y.
 */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *zero = k_num(k, 0);
	Expr *flat = k_and(k, k_eq(k, x[1], zero), k_ge(k, x[2], zero));
	Expr *slope = k_mul(k, x[3], k_log(k, x[1]));
	y[0] = k_mul(k, x[0], k_sel(k, flat, zero, slope));
}

const OpDef op_PowGradExponent = {
	.name = "PowGradExponent", .min_in = 4, .max_in = 4,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(8)}, {DIMS(8), .lo = 0.5, .hi = 2}, {{0}},
	                 {DIMS(8)}}}),
};

/* HardSwishGrad: dx = dy s, with s = 0 where x < -3, 1 where x > 3, else
 * x / 3 + 1/2; inputs dy and x. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *slope = k_add(k, k_mul(k, x[1], k_num(k, 1.0 / 3)), k_num(k, 0.5));
	Expr *zero = k_num(k, 0);
	Expr *low = k_sel(k, k_lt(k, x[1], k_num(k, -3)), zero,
	                  k_mul(k, x[0], slope));
	y[0] = k_sel(k, k_gt(k, x[1], k_num(k, 3)), x[0], low);
}

const OpDef op_HardSwishGrad = {
	.name = "HardSwishGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5), .lo = -5, .hi = 5}}}),
};

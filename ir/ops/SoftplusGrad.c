/* SoftplusGrad: dx = dy (1 - e^-y); y is Softplus's output. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_mul(k, x[0], k_neg(k, k_expm1(k, k_neg(k, x[1]))));
}

const OpDef op_SoftplusGrad = {
	.name = "SoftplusGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3), .lo = 0, .hi = 3}}}),
};

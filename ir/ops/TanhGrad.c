/* TanhGrad: dx = dy (1 - y^2); y is Tanh's output. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_mul(k, x[0], k_sub(k, k_num(k, 1), k_mul(k, x[1], x[1])));
}

const OpDef op_TanhGrad = {
	.name = "TanhGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3), .lo = -1, .hi = 1}}}),
};

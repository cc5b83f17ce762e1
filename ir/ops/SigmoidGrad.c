/* SigmoidGrad: dx = dy y (1 - y); y is Sigmoid's output. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_mul(k, x[0], k_mul(k, x[1], k_sub(k, k_num(k, 1), x[1])));
}

const OpDef op_SigmoidGrad = {
	.name = "SigmoidGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3), .lo = 0, .hi = 1}}}),
};

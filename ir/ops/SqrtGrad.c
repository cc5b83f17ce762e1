/* SqrtGrad: dx = dy / (2 y); y is Sqrt's output. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_div(k, x[0], k_mul(k, k_num(k, 2), x[1]));
}

const OpDef op_SqrtGrad = {
	.name = "SqrtGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3), .lo = 0.5, .hi = 2}}}),
};

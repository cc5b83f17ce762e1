/* HuberLossGrad: dx = dy min(max(x - t, -delta), delta); inputs dy, x and t. */
#include "ir/op.h"

enum { DELTA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	double delta = attr_float(n, DELTA);
	Expr *d = k_max(k, k_sub(k, x[1], x[2]), k_num(k, -delta));
	y[0] = k_mul(k, x[0], k_min(k, d, k_num(k, delta)));
}

const OpDef op_HuberLossGrad = {
	.name = "HuberLossGrad", .min_in = 3, .max_in = 3,
	ATTRS([DELTA] = {"delta", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)}, {DIMS(4, 5)}}}),
};

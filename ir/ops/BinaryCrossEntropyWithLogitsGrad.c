/* BinaryCrossEntropyWithLogitsGrad: dx = dy (1 / (1 + e^-x) - t); inputs dy, x
 * and t. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *one = k_num(k, 1);
	Expr *s = k_div(k, one, k_add(k, one, k_exp(k, k_neg(k, x[1]))));
	y[0] = k_mul(k, x[0], k_sub(k, s, x[2]));
}

const OpDef op_BinaryCrossEntropyWithLogitsGrad = {
	.name = "BinaryCrossEntropyWithLogitsGrad", .min_in = 3, .max_in = 3,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)},
	                 {DIMS(4, 5), .lo = 0, .hi = 1}}}),
};

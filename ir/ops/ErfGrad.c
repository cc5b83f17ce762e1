/* ErfGrad: dx = dy 2 / sqrt(pi) e^(-x^2); x is Erf's input. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *bell = k_exp(k, k_neg(k, k_mul(k, x[1], x[1])));
	y[0] = k_mul(k, x[0], k_mul(k, k_num(k, 1.1283791670955126), bell));
}

const OpDef op_ErfGrad = {
	.name = "ErfGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}}),
};

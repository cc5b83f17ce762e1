/* SoftsignGrad: dx = dy (1 - |y|)^2; y is Softsign's output. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *rest = k_sub(k, k_num(k, 1), k_abs(k, x[1]));
	rest = k_get(k, k_var(k, rest));
	y[0] = k_mul(k, x[0], k_mul(k, rest, rest));
}

const OpDef op_SoftsignGrad = {
	.name = "SoftsignGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5), .lo = -0.9, .hi = 0.9}}}),
};

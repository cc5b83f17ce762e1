/* MishGrad: dx = dy (t + x (1 - t^2) / (1 + e^-x)) with t = tanh(ln(1 + e^x)); x
 * is Mish's input. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *one = k_num(k, 1);
	Expr *e = k_get(k, k_var(k, k_exp(k, k_min(k, x[1], k_num(k, 40)))));
	Expr *t = k_get(k, k_var(k, k_tanh(k, k_log1p(k, e))));
	Expr *sigmoid = k_div(k, e, k_add(k, one, e));
	Expr *rest = k_sub(k, one, k_mul(k, t, t));
	Expr *slope = k_mul(k, x[1], k_mul(k, rest, sigmoid));
	y[0] = k_mul(k, x[0], k_add(k, t, slope));
}

const OpDef op_MishGrad = {
	.name = "MishGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)}}},
	         {.in = {{DIMS(9)}, {DIMS(9), .lo = -200, .hi = 200}}}),
};

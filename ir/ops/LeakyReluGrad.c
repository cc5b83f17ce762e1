/* LeakyReluGrad: dx = dy where s > 0, else alpha dy; s is LeakyRelu's output or
 * input. */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *scaled = k_mul(k, x[0], k_num(k, attr_float(n, ALPHA)));
	y[0] = k_sel(k, k_gt(k, x[1], k_num(k, 0)), x[0], scaled);
}

const OpDef op_LeakyReluGrad = {
	.name = "LeakyReluGrad", .min_in = 2, .max_in = 2,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 0.01}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}}),
};

/* HardSigmoidGrad: dx = alpha dy where 0 < y < 1, else 0; y is HardSigmoid's
 * output. */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *inside = k_and(k, k_gt(k, x[1], k_num(k, 0)),
	                     k_lt(k, x[1], k_num(k, 1)));
	y[0] = k_sel(k, inside, k_mul(k, x[0], k_num(k, attr_float(n, ALPHA))),
	             k_num(k, 0));
}

const OpDef op_HardSigmoidGrad = {
	.name = "HardSigmoidGrad", .min_in = 2, .max_in = 2,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 0.2}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5), .lo = -0.5, .hi = 1.5}}}),
};

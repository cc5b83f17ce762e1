/* ReluGrad: dx = dy where y > 0, else 0; y is Relu's output. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_sel(k, k_gt(k, x[1], k_num(k, 0)), x[0], k_num(k, 0));
}

const OpDef op_ReluGrad = {
	.name = "ReluGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}}),
};

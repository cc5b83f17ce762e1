/* PReluGrad(dy, x, slope): dx = dy where x > 0, else slope dy. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_sel(k, k_gt(k, x[1], k_num(k, 0)), x[0],
	             k_mul(k, x[0], x[2]));
}

const OpDef op_PReluGrad = {
	.name = "PReluGrad", .min_in = 3, .max_in = 3,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4)}, {DIMS(3, 1)}}}),
};

/* ThresholdedReluGrad: dx = dy where x > alpha, else 0; x is ThresholdedRelu's
 * input. */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *above = k_gt(k, x[1], k_num(k, attr_float(n, ALPHA)));
	y[0] = k_sel(k, above, x[0], k_num(k, 0));
}

const OpDef op_ThresholdedReluGrad = {
	.name = "ThresholdedReluGrad", .min_in = 2, .max_in = 2,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)}}},
	         {.in = {{DIMS(9)}, {DIMS(9)}}, .attr = {{"alpha", .f = -0.5}}}),
};

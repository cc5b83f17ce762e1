/* CeluGrad: dx = dy where x > 0, else dy e^(x / alpha); x is Celu's input. */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *low = k_exp(k, k_div(k, x[1], k_num(k, attr_float(n, ALPHA))));
	y[0] = k_sel(k, k_gt(k, x[1], k_num(k, 0)), x[0], k_mul(k, x[0], low));
}

const OpDef op_CeluGrad = {
	.name = "CeluGrad", .min_in = 2, .max_in = 2,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)}}},
	         {.in = {{DIMS(9)}, {DIMS(9)}}, .attr = {{"alpha", .f = 2.5}}}),
};

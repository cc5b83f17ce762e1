/* SwishGrad: dx = dy s (1 + alpha x (1 - s)) with s = 1 / (1 + e^(-alpha x)); x
 * is Swish's input. */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *one = k_num(k, 1);
	Expr *power = k_mul(k, x[1], k_num(k, -attr_float(n, ALPHA)));
	power = k_get(k, k_var(k, power));
	Expr *s = k_div(k, one, k_add(k, one, k_exp(k, power)));
	s = k_get(k, k_var(k, s));
	Expr *bend = k_mul(k, power, k_sub(k, one, s));
	y[0] = k_mul(k, x[0], k_mul(k, s, k_sub(k, one, bend)));
}

const OpDef op_SwishGrad = {
	.name = "SwishGrad", .min_in = 2, .max_in = 2,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)}}},
	         {.in = {{DIMS(9)}, {DIMS(9)}},
	          .attr = {{"alpha", .f = 1.7}}}),
};

/*
 * EluGrad: dx = gamma dy where s > 0, else dy (y + gamma alpha); y is the
 * output of Elu (gamma = 1) or Selu. s is the optional third input, else y.
 */
#include "ir/op.h"

enum { ALPHA, GAMMA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	double gamma = attr_float(n, GAMMA);
	Expr *sign = n->nin > 2 && x[2] ? x[2] : x[1];
	Expr *add = k_num(k, gamma * attr_float(n, ALPHA));
	Expr *low = k_mul(k, x[0], k_add(k, x[1], add));
	Expr *high = k_mul(k, x[0], k_num(k, gamma));
	y[0] = k_sel(k, k_gt(k, sign, k_num(k, 0)), high, low);
}

const OpDef op_EluGrad = {
	.name = "EluGrad", .min_in = 2, .max_in = 3,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1},
	      [GAMMA] = {"gamma", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}},
	         {.nin = 3, .in = {{DIMS(5)}, {DIMS(5)}, {DIMS(5)}},
	          .attr = {{"alpha", .f = -0.5}}}),
};

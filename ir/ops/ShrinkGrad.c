/* ShrinkGrad: dx = dy where x < -lambd or x > lambd, else 0; x is Shrink's input. */
#include "ir/op.h"

enum { BIAS, LAMBD };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	double lambd = attr_float(n, LAMBD);
	Expr *low = k_sel(k, k_lt(k, x[1], k_num(k, -lambd)), x[0],
	                  k_num(k, 0));
	y[0] = k_sel(k, k_gt(k, x[1], k_num(k, lambd)), x[0], low);
}

const OpDef op_ShrinkGrad = {
	.name = "ShrinkGrad", .min_in = 2, .max_in = 2,
	ATTRS([BIAS] = {"bias", ATTR_FLOAT, true, .f = 0},
	      [LAMBD] = {"lambd", ATTR_FLOAT, true, .f = 0.5}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)}}}),
};

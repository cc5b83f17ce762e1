/* ClipGrad: dx = dy where min <= x <= max, else 0; x is Clip's input. */
#include "ir/op.h"

enum { MIN, MAX };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *zero = k_num(k, 0), *lo = k_num(k, attr_float(n, MIN));
	Expr *hi = k_num(k, attr_float(n, MAX));
	y[0] = x[0];
	if (n->attr[MIN].set)
		y[0] = k_sel(k, k_ge(k, x[1], lo), y[0], zero);
	if (n->attr[MAX].set)
		y[0] = k_sel(k, k_le(k, x[1], hi), y[0], zero);
}

const OpDef op_ClipGrad = {
	.name = "ClipGrad", .min_in = 2, .max_in = 2,
	ATTRS([MIN] = {"min", ATTR_FLOAT}, [MAX] = {"max", ATTR_FLOAT}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)}},
	          .attr = {{"min", .f = -1}, {"max", .f = 1}}}),
};

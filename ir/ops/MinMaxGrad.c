/*
 * MinMaxGrad: inputs dy, y, x0, x1, ...; y is the Min or Max of the x.
 * dx = dy / c where x[which] == y, else 0; c is how many of the x equal y.
 */
#include "ir/op.h"

enum { WHICH };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *count = k_typed(k, DT_I32, 0);
	for (int i = 2; i < n->nin; i++)
		count = k_add(k, count, k_eq(k, x[i], x[1]));
	Expr *share = k_div(k, x[0], k_cast(k, x[0]->type, count));
	y[0] = k_sel(k, k_eq(k, x[2 + attr_int(n, WHICH)], x[1]), share,
	             k_num(k, 0));
}

const OpDef op_MinMaxGrad = {
	.name = "MinMaxGrad", .min_in = 3, .max_in = VARIADIC,
	ATTRS([WHICH] = {"which", ATTR_INT}),
	.scalar = scalar,
	EXAMPLES({.nin = 4, .in = {{DIMS(4)}, {{0}, .lo = 1, .hi = 1},
	                           {DIMS(4)}, {{0}, .lo = 1, .hi = 1}},
	          .attr = {{"which", 1}}}),
};

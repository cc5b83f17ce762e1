/* Round: the nearest integer, of two the even one. dx = 0. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_rint(k, x[0]);
}

const OpDef op_Round = {
	.name = "Round", .since = 11, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5), .lo = -5, .hi = 5}}}),
};

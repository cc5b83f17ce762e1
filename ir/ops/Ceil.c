/* Ceil: the least integer not below x. dx = 0. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_ceil(k, x[0]);
}

const OpDef op_Ceil = {
	.name = "Ceil", .since = 6, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5), .lo = -5, .hi = 5}}}),
};

/* Not: y = not x, both bool. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_not(k, x[0]);
}

const OpDef op_Not = {
	.name = "Not", .since = 1, .min_in = 1, .max_in = 1,
	.infer = infer_logic,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5), DT_BOOL}}}),
};

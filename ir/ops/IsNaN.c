/* IsNaN: y = x is no number, as bool. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_ne(k, x[0], x[0]);
}

const OpDef op_IsNaN = {
	.name = "IsNaN", .since = 9, .min_in = 1, .max_in = 1,
	.infer = infer_compare,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5)}}}),
};

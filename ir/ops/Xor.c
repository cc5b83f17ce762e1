/* Xor: y = either a or b, all bool. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_xor(k, x[0], x[1]);
}

const OpDef op_Xor = {
	.name = "Xor", .since = 7, .min_in = 2, .max_in = 2,
	.infer = infer_logic,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5), DT_BOOL}, {DIMS(5), DT_BOOL}}}),
};

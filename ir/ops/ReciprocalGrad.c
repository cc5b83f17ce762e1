/* ReciprocalGrad: dx = -dy y^2; y is Reciprocal's output. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_neg(k, k_mul(k, x[0], k_mul(k, x[1], x[1])));
}

const OpDef op_ReciprocalGrad = {
	.name = "ReciprocalGrad", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}}),
};

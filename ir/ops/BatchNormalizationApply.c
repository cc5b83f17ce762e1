/*
 * BatchNormalizationApply: the elementwise part of BatchNormalizationTrain,
 *
 *   y = (x - mean) (scale inverse) + b,
 *
 * with mean, inverse, scale and b broadcast along the channels. It can be fused
 * with what follows, and computed once more in the backward pass.
 */
#include "ir/op.h"

enum { X, MEAN, INVERSE, SCALE, B };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *factor = k_mul(k, x[SCALE], x[INVERSE]);
	y[0] = k_add(k, k_mul(k, k_sub(k, x[X], x[MEAN]), factor), x[B]);
}

const OpDef op_BatchNormalizationApply = {
	.name = "BatchNormalizationApply", .min_in = 5, .max_in = 5,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3, 4)}, {DIMS(3, 1)}, {DIMS(3, 1)},
	                 {DIMS(3, 1)}, {DIMS(3, 1)}}}),
};

/*
 * BatchNormalizationGradApply: the elementwise part of BatchNormalizationGrad,
 * with `count` elements per channel,
 *
 *   dx = scale inverse (dy - db / count - (x - mean) inverse dscale / count).
 *
 * Inputs x, dy, and broadcast along the channels scale, mean, inverse, dscale
 * and db.
 */
#include "ir/op.h"

enum { COUNT };
enum { X, DY, SCALE, MEAN, INVERSE, DSCALE, DB };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *count = k_num(k, (double)attr_int(n, COUNT));
	Expr *mean_dy = k_div(k, x[DB], count);
	Expr *slope = k_div(k, k_mul(k, x[DSCALE], x[INVERSE]), count);
	Expr *factor = k_mul(k, x[SCALE], x[INVERSE]);
	Expr *along = k_mul(k, k_sub(k, x[X], x[MEAN]), slope);
	y[0] = k_mul(k, k_sub(k, k_sub(k, x[DY], mean_dy), along), factor);
}

const OpDef op_BatchNormalizationGradApply = {
	.name = "BatchNormalizationGradApply", .min_in = 7, .max_in = 7,
	ATTRS([COUNT] = {"count", ATTR_INT}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4)}, {DIMS(3, 1)},
	                 {DIMS(3, 1)}, {DIMS(3, 1)}, {DIMS(3, 1)},
	                 {DIMS(3, 1)}}, .attr = {{"count", 8}}}),
};

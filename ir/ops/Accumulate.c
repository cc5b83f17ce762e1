/* Accumulate: the next summand of a total, y = total + scale x; y may be written
 * over the total. */
#include "ir/op.h"

enum { SCALE };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	double scale = attr_float(n, SCALE);
	Expr *more = scale == 1 ? x[1] : k_mul(k, x[1], k_num(k, scale));
	y[0] = k_add(k, x[0], more);
}

const OpDef op_Accumulate = {
	.name = "Accumulate", .min_in = 2, .max_in = 2,
	ATTRS([SCALE] = {"scale", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}},
	         {.in = {{DIMS(5)}, {DIMS(5)}}, .attr = {{"scale", .f = 0.25}}}),
};

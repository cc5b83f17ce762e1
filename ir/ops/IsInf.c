/* IsInf: y = x is infinite, of a sign that is asked for, as bool. */
#include "ir/op.h"

#include <math.h>

enum { NEGATIVE, POSITIVE };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *never = k_typed(k, DT_I32, 0), *infinite = k_num(k, INFINITY);
	y[0] = never;
	if (attr_int(n, POSITIVE))
		y[0] = k_or(k, y[0], k_eq(k, x[0], infinite));
	if (attr_int(n, NEGATIVE))
		y[0] = k_or(k, y[0], k_eq(k, k_neg(k, x[0]), infinite));
}

const OpDef op_IsInf = {
	.name = "IsInf", .since = 10, .min_in = 1, .max_in = 1,
	ATTRS([NEGATIVE] = {"detect_negative", ATTR_INT, true, .i = 1},
	      [POSITIVE] = {"detect_positive", ATTR_INT, true, .i = 1}),
	.infer = infer_compare,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5)}}},
	         {.in = {{DIMS(7)}}, .attr = {{"detect_positive", 0}}}),
};

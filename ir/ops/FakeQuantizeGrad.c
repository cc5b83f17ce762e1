/* FakeQuantizeGrad(dy, x, scale, zero): dx = dy where round(x / scale) + zero is one
 * of the integers, else 0. */
#include "ir/quantize.h"

static bool infer(Unit *u, Node *n)
{
	DType t;
	return quantize_type(u, n, 1, &t) && infer_broadcast(u, n);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	DType t;
	quantize_type(NULL, n, 1, &t);
	Expr *place = quantize_place(k, x[1], x[2], n->nin > 3 ? x[3] : NULL);
	place = k_get(k, k_var(k, place));
	Expr *low = k_lt(k, place, k_num(k, quantize_least(t)));
	Expr *high = k_gt(k, place, k_num(k, quantize_greatest(t)));
	y[0] = k_sel(k, k_or(k, low, high), k_num(k, 0), x[0]);
}

const OpDef op_FakeQuantizeGrad = {
	.name = "FakeQuantizeGrad", .min_in = 3, .max_in = 4,
	QUANTIZE_ATTRS,
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5)}, {{0}, .lo = 0.01, .hi = 0.02}}},
	         {.nin = 4, .in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4)},
	                           {DIMS(3, 1), .lo = 0.01, .hi = 0.1},
	                           {DIMS(3, 1), DT_I8, -9, 9}},
	          .attr = {{"to", 3}}}),
};

/* QuantizeLinear: y = q(x), see ir/quantize.h. A gradient passes only through the
 * pair with DequantizeLinear, which is FakeQuantize. */
#include "ir/quantize.h"

static bool infer(Unit *u, Node *n)
{
	DType t;
	if (!quantize_type(u, n, 0, &t) || !infer_broadcast(u, n))
		return false;
	n->out[0]->dtype = t;
	return true;
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	DType t = n->out[0]->dtype;
	Expr *place = quantize_place(k, x[0], x[1], n->nin > 2 ? x[2] : NULL);
	place = k_min(k, k_max(k, place, k_num(k, quantize_least(t))),
	              k_num(k, quantize_greatest(t)));
	y[0] = k_cast(k, DT_I32, place);
}

const OpDef op_QuantizeLinear = {
	.name = "QuantizeLinear", .since = 10, .min_in = 2, .max_in = 3,
	QUANTIZE_ATTRS,
	.infer = infer,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5)}, {{0}, .lo = 0.01, .hi = 0.02}}},
	         {.nin = 3, .in = {{DIMS(2, 3, 4)}, {DIMS(3, 1), .lo = 0.01, .hi = 0.1},
	                           {DIMS(3, 1), DT_I8, -9, 9}},
	          .attr = {{"to", 3}}}),
};

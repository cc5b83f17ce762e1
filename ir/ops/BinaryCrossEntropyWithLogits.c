/*
 * BinaryCrossEntropyWithLogits of logits x and targets t, elementwise:
 * y = -t ln s(x) - (1 - t) ln(1 - s(x)), s the sigmoid
 *   = max(x, 0) - x t + ln(1 + e^-|x|).
 * dx = dy (s(x) - t), dt = -dy x.
 */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *tail = k_log1p(k, k_exp(k, k_neg(k, k_abs(k, x[0]))));
	Expr *line = k_sub(k, k_max(k, x[0], k_num(k, 0)), k_mul(k, x[0], x[1]));
	y[0] = k_add(k, line, tail);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	if (want[0])
		dx[0] = APPLY(g, n->loc, op_BinaryCrossEntropyWithLogitsGrad,
		              dy[0], n->in[0], n->in[1]);
	if (want[1])
		dx[1] = APPLY(g, n->loc, op_Neg,
		              APPLY(g, n->loc, op_Mul, dy[0], n->in[0]));
}

const OpDef op_BinaryCrossEntropyWithLogits = {
	.name = "BinaryCrossEntropyWithLogits", .min_in = 2, .max_in = 2,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4, 5), .lo = 0, .hi = 1}}},
	         {.in = {{DIMS(9), .lo = -200, .hi = 200},
	                 {DIMS(1), .lo = 0, .hi = 1}}}),
};

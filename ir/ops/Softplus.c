/*
 * Softplus: y = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which cannot
 * overflow. dx = dy / (1 + e^-x) = dy (1 - e^-y).
 */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *tail = k_log1p(k, k_exp(k, k_neg(k, k_abs(k, x[0]))));
	y[0] = k_add(k, k_max(k, x[0], k_num(k, 0)), tail);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_SoftplusGrad, dy[0], n->out[0]);
}

const OpDef op_Softplus = {
	.name = "Softplus", .since = 1, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(9), .lo = -200, .hi = 200}}}),
};

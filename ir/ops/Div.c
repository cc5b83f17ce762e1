/*
 * Div: y = a / b; integers truncate toward zero.
 * da = dy / b, db = -dy a / b^2 = -(dy / b) y.
 */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_div(k, x[0], x[1]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *da = APPLY(g, n->loc, op_Div, dy[0], n->in[1]);
	dx[0] = da;
	if (want[1])
		dx[1] = APPLY(g, n->loc, op_Neg,
		              APPLY(g, n->loc, op_Mul, da, n->out[0]));
}

const OpDef op_Div = {
	.name = "Div", .since = 7, .min_in = 2, .max_in = 2,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3), .lo = 0.5, .hi = 2}}},
	         {.in = {{DIMS(3, 1)}, {DIMS(2, 1, 5), .lo = -2, .hi = -0.5}}},
	         {.in = {{DIMS(5)}, {{0}, .lo = 0.5, .hi = 2}}},
	         {.in = {{DIMS(9), DT_I32, -20, 20}, {DIMS(9), DT_I32, -4, 4}}}),
};

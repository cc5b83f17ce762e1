/*
 * Sigmoid: y = 1 / (1 + e^-x). For x far below 0, e^-x is infinite and y is 0,
 * which is right. dx = dy y (1 - y).
 */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *one = k_num(k, 1);
	y[0] = k_div(k, one, k_add(k, one, k_exp(k, k_neg(k, x[0]))));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_SigmoidGrad, dy[0], n->out[0]);
}

const OpDef op_Sigmoid = {
	.name = "Sigmoid", .since = 6, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(9), .lo = -200, .hi = 200}}}),
};

/* Tanh: y = tanh(x). dx = dy (1 - y^2). */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_tanh(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_TanhGrad, dy[0], n->out[0]);
}

const OpDef op_Tanh = {
	.name = "Tanh", .since = 6, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}}),
};

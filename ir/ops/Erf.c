/* Erf: y = erf(x). dx = dy 2 / sqrt(pi) e^(-x^2). */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_erf(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_ErfGrad, dy[0], n->in[0]);
}

const OpDef op_Erf = {
	.name = "Erf", .since = 9, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 5)}}}),
};

/* Sqrt: y = sqrt(x). dx = dy / (2 y). */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_sqrt(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_SqrtGrad, dy[0], n->out[0]);
}

const OpDef op_Sqrt = {
	.name = "Sqrt", .since = 6, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3), .lo = 0.1, .hi = 4}}}),
};

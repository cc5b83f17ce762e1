/* Sin: y = sin x. dx = dy cos x. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_sin(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_Mul, dy[0],
	              APPLY(g, n->loc, op_Cos, n->in[0]));
}

const OpDef op_Sin = {
	.name = "Sin", .since = 7, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}}),
};

/* Cos: y = cos x. dx = -dy sin x. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_cos(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *sine = APPLY(g, n->loc, op_Sin, n->in[0]);
	dx[0] = APPLY(g, n->loc, op_Neg,
	              APPLY(g, n->loc, op_Mul, dy[0], sine));
}

const OpDef op_Cos = {
	.name = "Cos", .since = 7, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}}),
};

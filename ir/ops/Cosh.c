/* Cosh: y = cosh x. dx = dy sinh x. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_cosh(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_Mul, dy[0],
	              APPLY(g, n->loc, op_Sinh, n->in[0]));
}

const OpDef op_Cosh = {
	.name = "Cosh", .since = 9, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}}),
};

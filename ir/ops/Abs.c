/* Abs: y = |x|. dx = dy sign(x), 0 at x == 0. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_abs(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_Mul, dy[0],
	              APPLY(g, n->loc, op_Sign, n->in[0]));
}

const OpDef op_Abs = {
	.name = "Abs", .since = 6, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(5), DT_I32, -9, 9}}}),
};

/* Log: y = ln x. dx = dy / x. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_log(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_Div, dy[0], n->in[0]);
}

const OpDef op_Log = {
	.name = "Log", .since = 6, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3), .lo = 0.1, .hi = 5}}}),
};

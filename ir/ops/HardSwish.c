/* HardSwish: y = x min(1, max(0, x / 6 + 1/2)). */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *line = k_add(k, k_mul(k, x[0], k_num(k, 1.0 / 6)), k_num(k, 0.5));
	y[0] = k_mul(k, x[0], k_min(k, k_max(k, line, k_num(k, 0)),
	                            k_num(k, 1)));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_HardSwishGrad, dy[0], n->in[0]);
}

const OpDef op_HardSwish = {
	.name = "HardSwish", .since = 14, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5), .lo = -5, .hi = 5}}}),
};

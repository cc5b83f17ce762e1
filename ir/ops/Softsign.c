/* Softsign: y = x / (1 + |x|). */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_div(k, x[0], k_add(k, k_num(k, 1), k_abs(k, x[0])));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_SoftsignGrad, dy[0], n->out[0]);
}

const OpDef op_Softsign = {
	.name = "Softsign", .since = 1, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}}),
};

/* Mish: y = x tanh(ln(1 + e^x)). The exponent is cut where tanh is 1. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *grown = k_exp(k, k_min(k, x[0], k_num(k, 40)));
	y[0] = k_mul(k, x[0], k_tanh(k, k_log1p(k, grown)));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_MishGrad, dy[0], n->in[0]);
}

const OpDef op_Mish = {
	.name = "Mish", .since = 18, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}},
	         {.in = {{DIMS(9), .lo = -200, .hi = 200}}}),
};

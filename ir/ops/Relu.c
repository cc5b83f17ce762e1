/*
 * Relu: y = max(x, 0); a NaN stays one.
 * dx = dy where y > 0, else 0 (at x == 0 the gradient is 0, as in PyTorch).
 * Backward keeps y, not x, so that y may be written over x.
 */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_max(k, x[0], k_num(k, 0));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = APPLY(g, n->loc, op_ReluGrad, dy[0], n->out[0]);
}

const OpDef op_Relu = {
	.name = "Relu", .since = 6, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}}, {.in = {{DIMS(7)}}},
	         {.in = {{DIMS(1, 4, 5)}}}),
};

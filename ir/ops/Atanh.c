/* Atanh: the x of tanh, |x| < 1. dx = dy / (1 - x^2). */
#include "ir/op.h"

#include "ir/build.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_atanh(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *square = APPLY(g, n->loc, op_Mul, n->in[0], n->in[0]);
	dx[0] = APPLY(g, n->loc, op_Div, dy[0],
	              build_affine(g, n->loc, square, -1, 1));
}

const OpDef op_Atanh = {
	.name = "Atanh", .since = 9, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5), .lo = -0.9, .hi = 0.9}}}),
};

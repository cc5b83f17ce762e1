/* Asinh: the x of sinh. dx = dy / sqrt(x^2 + 1). */
#include "ir/op.h"

#include "ir/build.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_asinh(k, x[0]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *square = APPLY(g, n->loc, op_Mul, n->in[0], n->in[0]);
	Value *slope = APPLY(g, n->loc, op_Sqrt,
	                     build_affine(g, n->loc, square, 1, 1));
	dx[0] = APPLY(g, n->loc, op_Div, dy[0], slope);
}

const OpDef op_Asinh = {
	.name = "Asinh", .since = 9, .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}}),
};

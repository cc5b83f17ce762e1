/* Mul: y = a b. da = dy b, db = dy a. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_mul(k, x[0], x[1]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	if (want[0])
		dx[0] = APPLY(g, n->loc, op_Mul, dy[0], n->in[1]);
	if (want[1])
		dx[1] = APPLY(g, n->loc, op_Mul, dy[0], n->in[0]);
}

const OpDef op_Mul = {
	.name = "Mul", .since = 7, .min_in = 2, .max_in = 2,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 1, 4)}, {DIMS(3, 1)}}},
	         {.in = {{DIMS(4), DT_I64, -9, 9}, {DIMS(1), DT_I64, -9, 9}}}),
};

/* Sub: y = a - b. da = dy, db = -dy. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_sub(k, x[0], x[1]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = dy[0];
	if (want[1])
		dx[1] = APPLY(g, n->loc, op_Neg, dy[0]);
}

const OpDef op_Sub = {
	.name = "Sub", .since = 7, .min_in = 2, .max_in = 2,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}},
	         {.in = {{DIMS(3, 1)}, {DIMS(2, 1, 5)}}},
	         {.in = {{{0}}, {DIMS(5)}}},
	         {.in = {{DIMS(4), DT_I64, -9, 9}, {DIMS(4), DT_I64, -9, 9}}}),
};

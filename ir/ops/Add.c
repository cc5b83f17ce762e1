/* Add: y = a + b. da = dy, db = dy (autodiff undoes the broadcast). */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_add(k, x[0], x[1]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = dx[1] = dy[0];
}

const OpDef op_Add = {
	.name = "Add", .since = 7, .min_in = 2, .max_in = 2,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(3, 1)}}},
	         {.in = {{DIMS(5)}, {{0}}}},
	         {.in = {{DIMS(4), DT_I64, -9, 9}, {DIMS(4), DT_I64, -9, 9}}}),
};

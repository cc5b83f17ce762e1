/* Copy: y = x, in memory of its own, where Identity would be a view. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = x[0];
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = dy[0];
}

const OpDef op_Copy = {
	.name = "Copy", .min_in = 1, .max_in = 1,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}}, {.in = {{DIMS(4), DT_I64, -9, 9}}}),
};

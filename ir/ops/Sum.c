/* Sum: of any number of inputs. The gradient of each is dy. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = x[0];
	for (int i = 1; i < n->nin; i++)
		y[0] = k_add(k, y[0], x[i]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	for (int i = 0; i < n->nin; i++)
		dx[i] = dy[0];
}

const OpDef op_Sum = {
	.name = "Sum", .since = 8, .min_in = 1, .max_in = VARIADIC,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.nin = 3, .in = {{DIMS(2, 3)}, {DIMS(2, 1)}, {DIMS(3)}}},
	         {.nin = 1, .in = {{DIMS(3)}}}),
};

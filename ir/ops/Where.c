/* Where: y = a where the condition holds, else b; so with dy for da, db. */
#include "ir/op.h"

static bool infer(Unit *u, Node *n)
{
	DType c = n->in[0]->dtype;
	if ((c != DT_BOOL && c != DT_BIT) ||
	    n->in[1]->dtype != n->in[2]->dtype) {
		error_at(u, n->loc, "inputs are %s, %s and %s, expected bool and "
		         "two of one type", dtype_name(n->in[0]->dtype),
		         dtype_name(n->in[1]->dtype),
		         dtype_name(n->in[2]->dtype));
		return false;
	}
	bool ok = infer_broadcast(u, n);
	n->out[0]->dtype = n->in[1]->dtype;
	return ok;
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_sel(k, x[0], x[1], x[2]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *zero = graph_scalar(g, dy[0]->dtype, 0);
	if (want[1])
		dx[1] = APPLY(g, n->loc, op_Where, n->in[0], dy[0], zero);
	if (want[2])
		dx[2] = APPLY(g, n->loc, op_Where, n->in[0], zero, dy[0]);
}

const OpDef op_Where = {
	.name = "Where", .since = 9, .min_in = 3, .max_in = 3,
	.infer = infer,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3), DT_BOOL}, {DIMS(2, 3)}, {DIMS(2, 3)}}},
	         {.in = {{DIMS(4, 1), DT_BOOL}, {DIMS(5)}, {{0}}}},
	         {.in = {{DIMS(6), DT_BOOL}, {DIMS(6), DT_I64, -9, 9},
	                 {DIMS(6), DT_I64, -9, 9}}},
	         {.in = {{DIMS(3, 7), DT_BIT, 0, 1}, {DIMS(3, 7)}, {{0}}}},
	         {.in = {{DIMS(3, 5), DT_BIT, 0, 1}, {DIMS(5)}, {{0}}}}),
};

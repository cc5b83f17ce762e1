/*
 * PRelu: y = x where x > 0, else slope x; the slope stretches to x's shape.
 * dx = dy where x > 0, else slope dy; dslope = dy min(x, 0).
 */
#include "ir/op.h"

static bool infer(Unit *u, Node *n)
{
	Shape whole;
	if (shape_broadcast(n->in[0]->shape, n->in[1]->shape, &whole) &&
	    shape_equal(n->in[0]->shape, whole))
		return infer_elementwise(u, n);
	error_at(u, n->loc, "a slope of shape %s does not stretch to %s",
	         shape_text(u->arena, n->in[1]->shape),
	         shape_text(u->arena, n->in[0]->shape));
	return false;
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_sel(k, k_gt(k, x[0], k_num(k, 0)), x[0],
	             k_mul(k, x[0], x[1]));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	if (want[0])
		dx[0] = APPLY(g, n->loc, op_PReluGrad, dy[0], n->in[0],
		              n->in[1]);
	if (!want[1])
		return;
	Value *low = APPLY(g, n->loc, op_Min, n->in[0],
	                   graph_scalar(g, dy[0]->dtype, 0));
	dx[1] = APPLY(g, n->loc, op_Mul, dy[0], low);
}

const OpDef op_PRelu = {
	.name = "PRelu", .since = 7, .min_in = 2, .max_in = 2,
	.infer = infer,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3, 4)}, {DIMS(3, 1)}}},
	         {.in = {{DIMS(4, 5)}, {{0}}}},
	         {.in = {{DIMS(4, 5)}, {DIMS(4, 5)}}}),
};

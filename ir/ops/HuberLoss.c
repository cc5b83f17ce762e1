/*
 * HuberLoss of x and t, elementwise, d = x - t: y = d^2 / 2 where |d| <= delta,
 * else delta (|d| - delta / 2). dx = dy min(max(d, -delta), delta), dt = -dx.
 */
#include "ir/op.h"

enum { DELTA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	double delta = attr_float(n, DELTA);
	Expr *d = k_get(k, k_var(k, k_abs(k, k_sub(k, x[0], x[1]))));
	Expr *near = k_mul(k, k_num(k, 0.5), k_mul(k, d, d));
	Expr *far = k_mul(k, k_num(k, delta), k_sub(k, d, k_num(k, delta / 2)));
	y[0] = k_sel(k, k_le(k, d, k_num(k, delta)), near, far);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_HuberLossGrad, dy[0], n->in[0], n->in[1]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
	if (want[1])
		dx[1] = APPLY(g, n->loc, op_Neg, dx[0]);
}

const OpDef op_HuberLoss = {
	.name = "HuberLoss", .min_in = 2, .max_in = 2,
	ATTRS([DELTA] = {"delta", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}}},
	         {.in = {{DIMS(4, 3)}, {DIMS(3)}},
	          .attr = {{"delta", .f = 0.5}}}),
};

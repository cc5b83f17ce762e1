/*
 * Selu: y = gamma x where x > 0, else gamma alpha (e^x - 1). dx = gamma dy
 * where x > 0, else dy (y + gamma alpha).
 */
#include "ir/op.h"

enum { ALPHA, GAMMA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	double alpha = attr_float(n, ALPHA), gamma = attr_float(n, GAMMA);
	Expr *low = k_mul(k, k_expm1(k, x[0]), k_num(k, alpha * gamma));
	Expr *high = k_mul(k, x[0], k_num(k, gamma));
	y[0] = k_sel(k, k_gt(k, x[0], k_num(k, 0)), high, low);
}

/* With both factors positive, y has the sign of x. */
static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	bool positive = attr_float(n, ALPHA) > 0 && attr_float(n, GAMMA) > 0;
	Node *e = NEW(g, n->loc, op_EluGrad, dy[0], n->out[0],
	              positive ? NULL : n->in[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Selu = {
	.name = "Selu", .since = 6, .min_in = 1, .max_in = 1,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1.6732632423543772},
	      [GAMMA] = {"gamma", ATTR_FLOAT, true, .f = 1.0507009873554805}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}},
	         {.in = {{DIMS(9)}}, .attr = {{"gamma", .f = -0.5}}}),
};

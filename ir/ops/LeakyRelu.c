/*
 * LeakyRelu: y = x where x > 0, else alpha x. dx = dy where x > 0, else
 * alpha dy. With alpha > 0, y has the sign of x and backward keeps y instead.
 */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *scaled = k_mul(k, x[0], k_num(k, attr_float(n, ALPHA)));
	y[0] = k_sel(k, k_gt(k, x[0], k_num(k, 0)), x[0], scaled);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *sign = attr_float(n, ALPHA) > 0 ? n->out[0] : n->in[0];
	Node *e = NEW(g, n->loc, op_LeakyReluGrad, dy[0], sign);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_LeakyRelu = {
	.name = "LeakyRelu", .since = 6, .min_in = 1, .max_in = 1,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 0.01}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(9)}}, .attr = {{"alpha", .f = 0.3}}},
	         {.in = {{DIMS(9)}}, .attr = {{"alpha", .f = -0.5}}}),
};

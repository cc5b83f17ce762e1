/*
 * Elu: y = x where x > 0, else alpha (e^x - 1). dx = dy where x > 0, else
 * dy (y + alpha). With alpha > 0, y has the sign of x and backward needs y only.
 */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *low = k_mul(k, k_expm1(k, x[0]), k_num(k, attr_float(n, ALPHA)));
	y[0] = k_sel(k, k_gt(k, x[0], k_num(k, 0)), x[0], low);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *sign = attr_float(n, ALPHA) > 0 ? NULL : n->in[0];
	Node *e = NEW(g, n->loc, op_EluGrad, dy[0], n->out[0], sign);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Elu = {
	.name = "Elu", .since = 6, .min_in = 1, .max_in = 1,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(9)}}, .attr = {{"alpha", .f = 0.3}}},
	         {.in = {{DIMS(9)}}, .attr = {{"alpha", .f = -0.5}}}),
};

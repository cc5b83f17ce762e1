/* Celu: y = x where x > 0, else alpha (e^(x / alpha) - 1). */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *alpha = k_num(k, attr_float(n, ALPHA));
	Expr *low = k_mul(k, alpha, k_expm1(k, k_div(k, x[0], alpha)));
	y[0] = k_sel(k, k_gt(k, x[0], k_num(k, 0)), x[0], low);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_CeluGrad, dy[0], n->in[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Celu = {
	.name = "Celu", .since = 12, .min_in = 1, .max_in = 1,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}},
	         {.in = {{DIMS(9)}}, .attr = {{"alpha", .f = 2.5}}}),
};

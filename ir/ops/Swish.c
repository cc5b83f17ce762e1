/* Swish: y = x / (1 + e^(-alpha x)). */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *power = k_mul(k, x[0], k_num(k, -attr_float(n, ALPHA)));
	y[0] = k_div(k, x[0], k_add(k, k_num(k, 1), k_exp(k, power)));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_SwishGrad, dy[0], n->in[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Swish = {
	.name = "Swish", .since = 24, .min_in = 1, .max_in = 1,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}},
	         {.in = {{DIMS(9), .lo = -200, .hi = 200}},
	          .attr = {{"alpha", .f = 1.7}}}),
};

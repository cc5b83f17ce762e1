/*
 * HardSigmoid: y = min(1, max(0, alpha x + beta)). dx = alpha dy where
 * 0 < y < 1, else 0.
 */
#include "ir/op.h"

enum { ALPHA, BETA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *line = k_add(k, k_mul(k, x[0], k_num(k, attr_float(n, ALPHA))),
	                   k_num(k, attr_float(n, BETA)));
	y[0] = k_min(k, k_max(k, line, k_num(k, 0)), k_num(k, 1));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_HardSigmoidGrad, dy[0], n->out[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_HardSigmoid = {
	.name = "HardSigmoid", .since = 6, .min_in = 1, .max_in = 1,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 0.2},
	      [BETA] = {"beta", ATTR_FLOAT, true, .f = 0.5}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5), .lo = -5, .hi = 5}}},
	         {.in = {{DIMS(9)}},
	          .attr = {{"alpha", .f = -1}, {"beta", .f = 0.25}}}),
};

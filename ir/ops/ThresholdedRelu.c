/* ThresholdedRelu: y = x where x > alpha, else 0. */
#include "ir/op.h"

enum { ALPHA };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *above = k_gt(k, x[0], k_num(k, attr_float(n, ALPHA)));
	y[0] = k_sel(k, above, x[0], k_num(k, 0));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_ThresholdedReluGrad, dy[0], n->in[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_ThresholdedRelu = {
	.name = "ThresholdedRelu", .since = 10, .min_in = 1, .max_in = 1,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 1}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}},
	         {.in = {{DIMS(9)}}, .attr = {{"alpha", .f = -0.5}}}),
};

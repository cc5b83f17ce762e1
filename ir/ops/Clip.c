/*
 * Clip: y = min(max(x, lo), hi); either bound may be missing. dx = dy where
 * lo <= x <= hi, else 0.
 */
#include "ir/op.h"

enum { MIN, MAX };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = x[0];
	if (n->attr[MIN].set)
		y[0] = k_max(k, y[0], k_num(k, attr_float(n, MIN)));
	if (n->attr[MAX].set)
		y[0] = k_min(k, y[0], k_num(k, attr_float(n, MAX)));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_ClipGrad, dy[0], n->in[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Clip = {
	.name = "Clip", .since = 11, .min_in = 1, .max_in = 1,
	ATTRS([MIN] = {"min", ATTR_FLOAT}, [MAX] = {"max", ATTR_FLOAT}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}},
	          .attr = {{"min", .f = 0}, {"max", .f = 1}}},
	         {.in = {{DIMS(7)}}, .attr = {{"min", .f = -0.5}}},
	         {.in = {{DIMS(7)}}, .attr = {{"max", .f = 0.5}}},
	         {.in = {{DIMS(9), DT_I32, -9, 9}},
	          .attr = {{"min", .f = -3}, {"max", .f = 4}}}),
};

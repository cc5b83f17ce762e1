/*
 * LogSoftmax along `axis`: y = x - m - ln(sum of e^(x - m)), with m the greatest
 * x so that nothing overflows. dx = dy - e^y sum of dy.
 */
#include "ir/axis.h"

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0];
	Line l = line_open(k, n, x->shape);
	int max = line_max(k, &l, x);
	int log_sum = line_log_sum_exp(k, &l, x, max);
	Index *at = line_for(k, &l);
	Expr *e = k_sub(k, k_load_at(k, x, at), k_get(k, max));
	k_store_at(k, n->out[0], at, k_sub(k, e, k_get(k, log_sum)));
	k_end(k);
	line_close(k, &l);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_LogSoftmaxGrad, dy[0], n->out[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_LogSoftmax = {
	.name = "LogSoftmax", .since = 13, .min_in = 1, .max_in = 1,
	AXIS_ATTRS(-1),
	.infer = axis_infer,
	.lower = lower,
	.grad = grad,
	.parts = axis_parts,
	EXAMPLES({.in = {{DIMS(3, 5)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"axis", 1}}},
	         {.in = {{DIMS(4, 1)}}, .attr = {{"axis", 0}}},
	         {.in = {{DIMS(7), .lo = -200, .hi = 200}}}),
};

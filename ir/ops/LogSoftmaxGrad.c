/* LogSoftmaxGrad: dx = dy - e^y (sum of dy along `axis`); inputs dy and
 * LogSoftmax's output y. */
#include "ir/axis.h"

static void lower(Kernel *k, const Node *n)
{
	const Value *dy = n->in[0], *y = n->in[1];
	Line l = line_open(k, n, y->shape);
	int sum = k_var(k, k_typed(k, compute_type(y->dtype), 0));
	Index *at = line_for(k, &l);
	k_set(k, sum, k_add(k, k_get(k, sum), k_load_at(k, dy, at)));
	k_end(k);
	at = line_for(k, &l);
	Expr *back = k_mul(k, k_exp(k, k_load_at(k, y, at)), k_get(k, sum));
	k_store_at(k, n->out[0], at, k_sub(k, k_load_at(k, dy, at), back));
	k_end(k);
	line_close(k, &l);
}

const OpDef op_LogSoftmaxGrad = {
	.name = "LogSoftmaxGrad", .min_in = 2, .max_in = 2,
	AXIS_ATTRS(-1),
	.infer = axis_infer,
	.lower = lower,
	.parts = axis_parts,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5), .lo = -4, .hi = 0}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4), .lo = -4, .hi = 0}},
	          .attr = {{"axis", 1}}}),
};

/* SoftmaxGrad: dx = y (dy - sum of dy y along `axis`); inputs dy and Softmax's
 * output y. */
#include "ir/axis.h"

static void lower(Kernel *k, const Node *n)
{
	const Value *dy = n->in[0], *y = n->in[1];
	Line l = line_open(k, n, y->shape);
	int sum = k_var(k, k_typed(k, compute_type(y->dtype), 0));
	Index *at = line_for(k, &l);
	Expr *term = k_mul(k, k_load_at(k, dy, at), k_load_at(k, y, at));
	k_set(k, sum, k_add(k, k_get(k, sum), term));
	k_end(k);
	at = line_for(k, &l);
	Expr *rest = k_sub(k, k_load_at(k, dy, at), k_get(k, sum));
	k_store_at(k, n->out[0], at, k_mul(k, k_load_at(k, y, at), rest));
	k_end(k);
	line_close(k, &l);
}

const OpDef op_SoftmaxGrad = {
	.name = "SoftmaxGrad", .min_in = 2, .max_in = 2,
	AXIS_ATTRS(-1),
	.infer = axis_infer,
	.lower = lower,
	.parts = axis_parts,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5), .lo = 0, .hi = 1}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4), .lo = 0, .hi = 1}},
	          .attr = {{"axis", 1}}}),
};

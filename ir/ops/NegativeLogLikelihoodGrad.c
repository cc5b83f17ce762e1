/*
 * NegativeLogLikelihoodGrad: dx = -dloss w[t] at each label's class, by "mean"
 * over the sum of all w[t]; 0 elsewhere. Inputs x (for its shape), labels,
 * dloss, class weights (optional).
 */
#include "ir/classes.h"

static void lower(Kernel *k, const Node *n)
{
	ClassLoss l = class_loss_make(n, 3);
	int total = l.mean ? class_loss_total(k, &l) : -1;
	class_loss_open(k, &l);
	Expr *f = class_loss_load(k, &l, n->in[2]);
	f = k_neg(k, k_mul(k, f, k_get(k, l.weight)));
	if (l.mean)
		f = k_div(k, f, k_get(k, total));
	f = k_get(k, k_var(k, f));
	Index *at = line_for(k, &l.line);
	Expr *hit = k_eq(k, k_get(k, l.label), k_index(k, at[l.line.axis]));
	k_store_at(k, n->out[0], at, k_sel(k, hit, f, k_num(k, 0)));
	k_end(k);
	line_close(k, &l.line);
}

const OpDef op_NegativeLogLikelihoodGrad = {
	.name = "NegativeLogLikelihoodGrad", .min_in = 3, .max_in = 5,
	CLASS_LOSS_ATTRS(),
	.infer = class_grad_infer,
	.lower = lower,
	.parts = class_grad_parts,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4), DT_I32, -1, 5}, {{0}}}},
	         {.in = {{DIMS(4, 5)}, {DIMS(4), DT_I32, 0, 4}, {{0}},
	                 {DIMS(5), .lo = 0.5, .hi = 2},
	                 {{0}, .lo = 2, .hi = 9}}, .nin = 5}),
};

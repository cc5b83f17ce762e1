/*
 * SoftmaxCrossEntropyGrad: the gradient of the logits; inputs logits x, labels
 * t, dloss, class weights w (optional). With p = softmax(x), the loss's formula
 * gives
 *
 *   dx[c] = f ((1 - s) w[t] (p[c] - [c == t]) + s / C (W p[c] - w[c]))
 *
 * where W is the sum of w and f is dloss, by "mean" over the sum of all w[t].
 * One store reads the logit it replaces last, so dx may overwrite x.
 */
#include "ir/classes.h"

/* The sum of w over the classes. */
static Expr *all_weights(Kernel *k, const ClassLoss *l)
{
	if (!l->weights)
		return k_typed(k, compute_type(l->x->dtype), (double)l->classes);
	int sum = k_var(k, k_typed(k, compute_type(l->x->dtype), 0));
	Index c = k_at(k_for(k, l->classes));
	k_set(k, sum, k_add(k, k_get(k, sum), k_load_at(k, l->weights, &c)));
	k_end(k);
	return k_get(k, sum);
}

/* dx[c] = a p[c] - b [c == t] - e w[c], with variables of the line. */
typedef struct Factors {
	int a, b, e;
} Factors;

static Factors line_factors(Kernel *k, const ClassLoss *l, Expr *f, Expr *all)
{
	double s = attr_float(l->n, SMOOTHING);
	Expr *each = k_num(k, s / (double)l->classes), *zero = k_num(k, 0);
	Factors r;
	f = k_get(k, k_var(k, f));
	r.b = k_var(k, k_mul(k, k_mul(k, f, k_num(k, 1 - s)),
	                     k_get(k, l->weight)));
	r.e = k_var(k, k_sel(k, k_get(k, l->counts), k_mul(k, f, each), zero));
	r.a = k_var(k, k_add(k, k_get(k, r.b), k_mul(k, k_get(k, r.e), all)));
	return r;
}

static void store_line(Kernel *k, ClassLoss *l, const Factors *r)
{
	int max = line_max(k, &l->line, l->x);
	int log_sum = line_log_sum_exp(k, &l->line, l->x, max);
	Index *at = line_for(k, &l->line);
	Expr *q = k_sub(k, k_sub(k, k_load_at(k, l->x, at), k_get(k, max)),
	                k_get(k, log_sum));
	Expr *c = k_index(k, at[l->line.axis]);
	Expr *hit = k_sel(k, k_eq(k, k_get(k, l->label), c), k_get(k, r->b),
	                  k_num(k, 0));
	Expr *dx = k_sub(k, k_mul(k, k_get(k, r->a), k_exp(k, q)), hit);
	if (attr_float(l->n, SMOOTHING) != 0)
		dx = k_sub(k, dx, k_mul(k, k_get(k, r->e),
		                        class_loss_weight(k, l)));
	k_store_at(k, l->n->out[0], at, dx);
	k_end(k);
}

static void lower(Kernel *k, const Node *n)
{
	ClassLoss l = class_loss_make(n, 3);
	int total = l.mean ? class_loss_total(k, &l) : -1;
	Expr *all = all_weights(k, &l);
	class_loss_open(k, &l);
	Expr *f = class_loss_load(k, &l, n->in[2]);
	if (l.mean)
		f = k_div(k, f, k_get(k, total));
	Factors r = line_factors(k, &l, f, all);
	store_line(k, &l, &r);
	line_close(k, &l.line);
}

const OpDef op_SoftmaxCrossEntropyGrad = {
	.name = "SoftmaxCrossEntropyGrad", .min_in = 3, .max_in = 5,
	CLASS_LOSS_ATTRS([SMOOTHING] = {"label_smoothing", ATTR_FLOAT, true}),
	.infer = class_grad_infer,
	.lower = lower,
	.parts = class_grad_parts,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4), DT_I32, -1, 5}, {{0}}}},
	         {.in = {{DIMS(4, 5)}, {DIMS(4), DT_I32, -1, 5}, {{0}},
	                 {.absent = true}, {{0}, .lo = 2, .hi = 9}}, .nin = 5},
	         {.in = {{DIMS(2, 3, 5)}, {DIMS(2, 5), DT_I64, 0, 2},
	                 {DIMS(2, 5)}, {DIMS(3), .lo = 0.5, .hi = 2}},
	          .nin = 4, .attr = {{"reduction", .s = "none"},
	                             {"ignore_index", 1},
	                             {"label_smoothing", .f = 0.2}}}),
};

/*
 * AdamUpdate of w by the gradient g, as torch.optim.Adam or, decoupled, AdamW:
 *
 *   h = g + weight_decay w; decoupled: h = g, and w (1 - lr weight_decay) is w
 *   m' = beta1 m + (1 - beta1) h
 *   v' = beta2 v + (1 - beta2) h^2
 *   w' = w - lr / (1 - beta1^step) m' / (sqrt(v' / (1 - beta2^step)) + eps)
 *
 * 1 - beta^step = -expm1(step ln beta) keeps its digits where beta is near 1.
 * Inputs w, g, m, v, lr, beta1, beta2, eps, weight_decay, step.
 */
#include "ir/update.h"

enum { W, G, M, V, LR, BETA1, BETA2, EPS, DECAY, STEP };
enum { DECOUPLED };

static bool infer(Unit *u, Node *n)
{
	return update_infer(u, n, 2);
}

static Expr *bias_correction(Kernel *k, Expr *beta, Expr *step)
{
	return k_neg(k, k_expm1(k, k_mul(k, step, k_log(k, beta))));
}

/* beta a + (1 - beta) b */
static Expr *average(Kernel *k, Expr *beta, Expr *a, Expr *b)
{
	Expr *rest = update_bind(k, k_sub(k, k_num(k, 1), beta));
	return update_bind(k, k_add(k, k_mul(k, beta, a), k_mul(k, rest, b)));
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *beta1 = update_scalar(k, x, BETA1), *h = x[G], *w = x[W];
	Expr *beta2 = update_scalar(k, x, BETA2);
	Expr *step = update_scalar(k, x, STEP), *lr = update_scalar(k, x, LR);
	Expr *decay = update_scalar(k, x, DECAY);
	Expr *eps = update_scalar(k, x, EPS);
	Expr *size = update_bind(k, k_div(k, lr,
	                                  bias_correction(k, beta1, step)));
	Expr *root = update_bind(k, k_sqrt(k, bias_correction(k, beta2, step)));
	if (attr_int(n, DECOUPLED)) {
		Expr *keep = k_sub(k, k_num(k, 1), k_mul(k, lr, decay));
		w = k_mul(k, w, update_bind(k, keep));
	} else
		h = update_decayed(k, x, decay);
	y[1] = average(k, beta1, x[M], h);
	y[2] = average(k, beta2, x[V], k_mul(k, h, h));
	Expr *norm = k_add(k, k_div(k, k_sqrt(k, y[2]), root), eps);
	y[0] = k_sub(k, w, k_mul(k, size, k_div(k, y[1], norm)));
}

const OpDef op_AdamUpdate = {
	.name = "AdamUpdate", .min_in = 10, .max_in = 10,
	.min_out = 3, .max_out = 3,
	ATTRS([DECOUPLED] = {"decoupled", ATTR_INT, true}),
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(3, 5)},
	                 {DIMS(3, 5), .lo = 0, .hi = 1}, HYPER,
	                 {{0}, .lo = 0.8, .hi = 0.95},
	                 {{0}, .lo = 0.9, .hi = 0.999}, HYPER, HYPER,
	                 {{0}, DT_I32, 1, 99}}},
	         {.in = {{DIMS(7)}, {DIMS(7)}, {DIMS(7)},
	                 {DIMS(7), .lo = 0, .hi = 1}, HYPER,
	                 {{0}, .lo = 0.8, .hi = 0.95},
	                 {{0}, .lo = 0.9, .hi = 0.999}, HYPER, HYPER,
	                 {{0}, DT_I32, 1, 1}}, .attr = {{"decoupled", 1}}}),
};

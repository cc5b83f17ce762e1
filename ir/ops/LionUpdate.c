/*
 * LionUpdate of w by the gradient g (Chen et al. 2023, "Symbolic Discovery of
 * Optimization Algorithms"):
 *
 *   c = beta1 m + (1 - beta1) g
 *   w' = w (1 - lr weight_decay) - lr sign(c),   sign(0) = 0
 *   m' = beta2 m + (1 - beta2) g
 *
 * Inputs w, g, m, lr, beta1, beta2, weight_decay.
 */
#include "ir/update.h"

enum { W, G, M, LR, BETA1, BETA2, DECAY, NINPUTS };

static bool infer(Unit *u, Node *n)
{
	return update_infer(u, n, 1);
}

/* beta a + (1 - beta) b */
static Expr *average(Kernel *k, Expr *beta, Expr *a, Expr *b)
{
	Expr *rest = update_bind(k, k_sub(k, k_num(k, 1), beta));
	return update_bind(k, k_add(k, k_mul(k, beta, a), k_mul(k, rest, b)));
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *lr = update_scalar(k, x, LR), *zero = k_num(k, 0);
	Expr *lost = k_mul(k, lr, update_scalar(k, x, DECAY));
	Expr *keep = update_bind(k, k_sub(k, k_num(k, 1), lost));
	Expr *c = average(k, update_scalar(k, x, BETA1), x[M], x[G]);
	Expr *down = k_sel(k, k_lt(k, c, zero), lr, zero);
	Expr *up = k_sel(k, k_gt(k, c, zero), lr, zero);
	y[0] = k_add(k, k_sub(k, k_mul(k, keep, x[W]), up), down);
	y[1] = average(k, update_scalar(k, x, BETA2), x[M], x[G]);
}

const OpDef op_LionUpdate = {
	.name = "LionUpdate", .min_in = NINPUTS, .max_in = NINPUTS,
	.min_out = 2, .max_out = 2,
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(3, 5)}, HYPER, HYPER,
	                 HYPER, HYPER}},
	         {.in = {{DIMS(7)}, {DIMS(7)}, {DIMS(7)}, HYPER, HYPER, HYPER,
	                 HYPER}}),
};

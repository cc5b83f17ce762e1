/*
 * AdagradUpdate of w by the gradient g, as torch.optim.Adagrad:
 *
 *   h = g + weight_decay w
 *   sum' = sum + h^2
 *   w' = w - lr / (1 + (step - 1) lr_decay) h / (sqrt(sum') + eps)
 *
 * Inputs w, g, sum, lr, lr_decay, eps, weight_decay, step.
 */
#include "ir/update.h"

enum { W, G, SUM, LR, LR_DECAY, EPS, DECAY, STEP };

static bool infer(Unit *u, Node *n)
{
	return update_infer(u, n, 1);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *one = k_num(k, 1), *lr = update_scalar(k, x, LR);
	Expr *before = k_sub(k, update_scalar(k, x, STEP), one);
	Expr *slower = k_mul(k, before, update_scalar(k, x, LR_DECAY));
	Expr *size = update_bind(k, k_div(k, lr, k_add(k, one, slower)));
	Expr *h = update_decayed(k, x, update_scalar(k, x, DECAY));
	y[1] = update_bind(k, k_add(k, x[SUM], k_mul(k, h, h)));
	Expr *norm = k_add(k, k_sqrt(k, y[1]), update_scalar(k, x, EPS));
	y[0] = k_sub(k, x[W], k_mul(k, size, k_div(k, h, norm)));
}

const OpDef op_AdagradUpdate = {
	.name = "AdagradUpdate", .min_in = 8, .max_in = 8,
	.min_out = 2, .max_out = 2,
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)},
	                 {DIMS(3, 5), .lo = 0, .hi = 1},
	                 HYPER, HYPER, HYPER, HYPER, {{0}, DT_I32, 1, 99}}}),
};

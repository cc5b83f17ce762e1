/*
 * MomentumUpdate of w by the gradient g, as torch.optim.SGD with momentum:
 *
 *   h = g + weight_decay w
 *   buf' = h in step 1, then momentum buf + (1 - dampening) h
 *   w' = w - lr d, where d is buf', or with nesterov h + momentum buf',
 *                  or h if momentum is 0
 *
 * Inputs w, g, buf, lr, momentum, dampening, weight_decay, step.
 */
#include "ir/update.h"

enum { W, G, BUF, LR, MOMENTUM, DAMPENING, DECAY, STEP };
enum { NESTEROV };

static bool infer(Unit *u, Node *n)
{
	return update_infer(u, n, 1);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *momentum = update_scalar(k, x, MOMENTUM);
	Expr *rest = update_bind(k, k_sub(k, k_num(k, 1),
	                                  update_scalar(k, x, DAMPENING)));
	Expr *first = update_bind(k, k_eq(k, x[STEP], k_num(k, 1)));
	Expr *plain = update_bind(k, k_eq(k, momentum, k_num(k, 0)));
	Expr *h = update_decayed(k, x, update_scalar(k, x, DECAY));
	Expr *next = k_add(k, k_mul(k, momentum, x[BUF]), k_mul(k, rest, h));
	Expr *buf = update_bind(k, k_sel(k, first, h, next)), *d = buf;
	if (attr_int(n, NESTEROV))
		d = k_add(k, h, k_mul(k, momentum, buf));
	d = k_sel(k, plain, h, d);
	y[0] = k_sub(k, x[W], k_mul(k, update_scalar(k, x, LR), d));
	y[1] = buf;
}

const OpDef op_MomentumUpdate = {
	.name = "MomentumUpdate", .min_in = 8, .max_in = 8,
	.min_out = 2, .max_out = 2,
	ATTRS([NESTEROV] = {"nesterov", ATTR_INT, true}),
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(3, 5)},
	                 HYPER, HYPER, HYPER, HYPER, {{0}, DT_I32, 1, 1}}},
	         {.in = {{DIMS(7)}, {DIMS(7)}, {DIMS(7)},
	                 HYPER, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 2, 9}}, .attr = {{"nesterov", 1}}}),
};

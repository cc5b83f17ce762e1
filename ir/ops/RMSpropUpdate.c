/*
 * RMSpropUpdate of w by the gradient g, as torch.optim.RMSprop (not centered):
 *
 *   h = g + weight_decay w
 *   sq' = alpha sq + (1 - alpha) h^2
 *   d = h / (sqrt(sq') + eps)
 *   w' = w - lr d, or with buf: buf' = momentum buf + d, w' = w - lr buf'
 *
 * Inputs w, g, sq, buf (optional), lr, alpha, eps, weight_decay, momentum.
 */
#include "ir/update.h"

enum { W, G, SQ, BUF, LR, ALPHA, EPS, DECAY, MOMENTUM, NINPUTS };

static bool infer(Unit *u, Node *n)
{
	if (n->nin != NINPUTS) {
		error_at(u, n->loc, "has %d inputs, expected %d", n->nin,
		         NINPUTS);
		return false;
	}
	return update_infer(u, n, 2);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *alpha = update_scalar(k, x, ALPHA);
	Expr *rest = update_bind(k, k_sub(k, k_num(k, 1), alpha));
	Expr *h = update_decayed(k, x, update_scalar(k, x, DECAY));
	y[1] = update_bind(k, k_add(k, k_mul(k, alpha, x[SQ]),
	                            k_mul(k, rest, k_mul(k, h, h))));
	Expr *norm = k_add(k, k_sqrt(k, y[1]), update_scalar(k, x, EPS));
	Expr *d = k_div(k, h, norm);
	if (x[BUF]) {
		Expr *old = k_mul(k, update_scalar(k, x, MOMENTUM), x[BUF]);
		d = y[2] = update_bind(k, k_add(k, old, d));
	}
	y[0] = k_sub(k, x[W], k_mul(k, update_scalar(k, x, LR), d));
}

const OpDef op_RMSpropUpdate = {
	.name = "RMSpropUpdate", .min_in = 3, .max_in = NINPUTS,
	.min_out = 2, .max_out = 3,
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.nin = NINPUTS,
	          .in = {{DIMS(3, 5)}, {DIMS(3, 5)},
	                 {DIMS(3, 5), .lo = 0, .hi = 1}, {.absent = true}, HYPER,
	                 HYPER, HYPER, HYPER, HYPER}},
	         {.nin = NINPUTS, .nout = 3,
	          .in = {{DIMS(7)}, {DIMS(7)}, {DIMS(7), .lo = 0, .hi = 1},
	                 {DIMS(7)}, HYPER, HYPER, HYPER, HYPER, HYPER}}),
};

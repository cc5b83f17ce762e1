/*
 * SGDAccumulate: SGDUpdate part by part of a batch (see SGDUpdate.c, ir/scan.h).
 * The gradient is the sum of scale g over the parts, so that
 *
 *   w' = w - lr (scale g + weight_decay w)    in part 0
 *   w' = w - lr scale g                       in the others
 *
 * leaves in w after the last part what the whole batch would: the parameter is
 * the sum, and nobody may read it while that is incomplete.
 *
 * Inputs w, g, lr, weight_decay or nothing, and the number of the part; without
 * it, there is but one.
 */
#include "ir/update.h"

enum { W, G, LR, DECAY, PART };
enum { SCALE };

static bool infer(Unit *u, Node *n)
{
	return update_check(u, n, LR) && infer_like(n, 0, W);
}

/* What the first part takes the gradient from. */
static Expr *decayed(Kernel *k, const Node *n, Expr *const x[], Expr *lr)
{
	Expr *decay = update_bind(k, k_mul(k, lr, update_scalar(k, x, DECAY)));
	Expr *w = k_sub(k, x[W], k_mul(k, decay, x[W]));
	if (n->nin <= PART)
		return w;
	Expr *first = update_bind(k, k_eq(k, x[PART], k_num(k, 0)));
	return k_sel(k, first, w, x[W]);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *lr = update_scalar(k, x, LR);
	Expr *w = n->nin > DECAY && n->in[DECAY] ? decayed(k, n, x, lr) : x[W];
	Expr *times = k_mul(k, lr, k_num(k, attr_float(n, SCALE)));
	y[0] = k_sub(k, w, k_mul(k, update_bind(k, times), x[G]));
}

const OpDef op_SGDAccumulate = {
	.name = "SGDAccumulate", .min_in = 3, .max_in = 5,
	ATTRS([SCALE] = {"scale", ATTR_FLOAT, true, .f = 1}),
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.nin = 4, .in = {{DIMS(3, 5)}, {DIMS(3, 5)}, HYPER, HYPER}},
	         {.nin = 5,
	          .in = {{DIMS(7)}, {DIMS(7)}, HYPER, HYPER,
	                 {{0}, DT_I32, 0, 1e-3}},
	          .attr = {{"scale", .f = 0.25}}},
	         {.nin = 5,
	          .in = {{DIMS(7)}, {DIMS(7)}, HYPER, HYPER,
	                 {{0}, DT_I32, 1, 9}}},
	         {.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, HYPER}}),
};

/*
 * MomentumAccumulate: MomentumUpdate's buffer as the sum over a batch in parts
 * (see MomentumUpdate.c, ir/scan.h). The gradient is the sum of scale g over the
 * parts, and what multiplies it is known from the start, so that
 *
 *   rest = 1 in step 1 or if momentum is 0, else 1 - dampening
 *   buf' = momentum buf + rest (weight_decay w + scale g)    in part 0
 *   buf' = buf + rest scale g                                in the others
 *
 * leaves in buf after the last part what the whole batch would; in step 1 there
 * is no old buf. What is to be taken from w is then lr buf', as SGDUpdate does.
 *
 * Inputs buf, g, w, momentum, dampening, weight_decay, step, and the number of
 * the part; without it, there is but one.
 */
#include "ir/update.h"

enum { BUF, G, W, MOMENTUM, DAMPENING, DECAY, STEP, PART };
enum { SCALE };

static bool infer(Unit *u, Node *n)
{
	return update_check(u, n, MOMENTUM) && infer_like(n, 0, BUF);
}

/* What the first part adds to. */
static Expr *decayed(Kernel *k, Expr *const x[], Expr *momentum, Expr *first,
                     Expr *rest)
{
	Expr *decay = k_mul(k, rest, update_scalar(k, x, DECAY));
	Expr *old = k_sel(k, first, k_num(k, 0), k_mul(k, momentum, x[BUF]));
	return k_add(k, old, k_mul(k, update_bind(k, decay), x[W]));
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *momentum = update_scalar(k, x, MOMENTUM);
	Expr *first = update_bind(k, k_eq(k, x[STEP], k_num(k, 1)));
	Expr *plain = k_eq(k, momentum, k_num(k, 0));
	Expr *rest = k_sub(k, k_num(k, 1), update_scalar(k, x, DAMPENING));
	rest = k_sel(k, plain, k_num(k, 1), rest);
	rest = update_bind(k, k_sel(k, first, k_num(k, 1), rest));
	Expr *buf = decayed(k, x, momentum, first, rest);
	if (n->nin > PART)
		buf = k_sel(k, update_bind(k, k_eq(k, x[PART], k_num(k, 0))),
		            buf, x[BUF]);
	Expr *times = k_mul(k, rest, k_num(k, attr_float(n, SCALE)));
	y[0] = k_add(k, buf, k_mul(k, update_bind(k, times), x[G]));
}

const OpDef op_MomentumAccumulate = {
	.name = "MomentumAccumulate", .min_in = 7, .max_in = 8,
	ATTRS([SCALE] = {"scale", ATTR_FLOAT, true, .f = 1}),
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(3, 5)},
	                 HYPER, HYPER, HYPER, {{0}, DT_I32, 1, 1}}},
	         {.nin = 8,
	          .in = {{DIMS(7)}, {DIMS(7)}, {DIMS(7)}, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 2, 9}, {{0}, DT_I32, 0, 1e-3}},
	          .attr = {{"scale", .f = 0.25}}},
	         {.nin = 8,
	          .in = {{DIMS(7)}, {DIMS(7)}, {DIMS(7)}, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 1, 9}, {{0}, DT_I32, 1, 9}}}),
};

/*
 * Momentum of one tensor, as ai.onnx.preview.training has it:
 *
 *   h = g + norm_coefficient w
 *   v' = alpha v + beta h, but with 1 for beta if T is 0
 *   w' = w - R v', or, if mode is "nesterov", w - R (h + alpha v')
 *
 * It is not MomentumUpdate, which takes no v in its first step.
 * Inputs w, g, v, R, T.
 */
#include "ir/update.h"

#include <string.h>

enum { W, G, V, R, T };
enum { ALPHA, BETA, MODE, NORM };

static bool infer(Unit *u, Node *n)
{
	const char *mode = n->attr[MODE].s;
	if (!strcmp(mode, "standard") || !strcmp(mode, "nesterov"))
		return update_infer(u, n, 1);
	error_at(u, n->loc, "mode is '%s', expected standard or nesterov", mode);
	return false;
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	bool nesterov = !strcmp(n->attr[MODE].s, "nesterov");
	Expr *alpha = k_num(k, attr_float(n, ALPHA)), *w = x[W];
	Expr *later = k_gt(k, update_scalar(k, x, T), k_num(k, 0));
	Expr *beta = k_typed(k, w->type, attr_float(n, BETA));
	beta = k_sel(k, later, beta, k_typed(k, w->type, 1));
	beta = update_bind(k, beta);
	Expr *h = update_decayed(k, x, k_num(k, attr_float(n, NORM)));
	Expr *v = k_add(k, k_mul(k, alpha, x[V]), k_mul(k, beta, h));
	Expr *d = y[1] = update_bind(k, v);
	if (nesterov)
		d = k_add(k, h, k_mul(k, alpha, d));
	y[0] = k_sub(k, w, k_mul(k, update_scalar(k, x, R), d));
}

const OpDef op_Momentum = {
	.name = "Momentum", .min_in = 5, .max_in = 5, .min_out = 2, .max_out = 2,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true},
	      [BETA] = {"beta", ATTR_FLOAT, true},
	      [MODE] = {"mode", ATTR_STRING, true, .s = "standard"},
	      [NORM] = {"norm_coefficient", ATTR_FLOAT, true}),
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(3, 5)}, HYPER,
	                 {{0}, DT_I64, 0, 1e-3}},
	          .attr = {{"alpha", .f = 0.9}, {"beta", .f = 0.5}}},
	         {.in = {{DIMS(7)}, {DIMS(7)}, {DIMS(7)}, HYPER,
	                 {{0}, DT_I64, 1, 9}},
	          .attr = {{"alpha", .f = 0.9}, {"beta", .f = 0.5},
	                   {"mode", .s = "nesterov"},
	                   {"norm_coefficient", .f = 0.01}}}),
};

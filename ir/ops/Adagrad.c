/*
 * Adagrad of one tensor, as ai.onnx.preview.training has it:
 *
 *   h = g + norm_coefficient w
 *   s' = s + h^2
 *   w' = w - R / (1 + T decay_factor) h / (sqrt(s') + epsilon)
 *
 * Inputs w, g, s, R, T.
 */
#include "ir/update.h"

enum { W, G, S, R, T };
enum { DECAY_FACTOR, EPSILON, NORM };

static bool infer(Unit *u, Node *n)
{
	return update_infer(u, n, 1);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *slower = k_mul(k, update_scalar(k, x, T),
	                     k_num(k, attr_float(n, DECAY_FACTOR)));
	Expr *size = k_div(k, update_scalar(k, x, R),
	                   k_add(k, k_num(k, 1), slower));
	size = update_bind(k, size);
	Expr *h = update_decayed(k, x, k_num(k, attr_float(n, NORM)));
	y[1] = update_bind(k, k_add(k, x[S], k_mul(k, h, h)));
	Expr *norm = k_add(k, k_sqrt(k, y[1]),
	                   k_num(k, attr_float(n, EPSILON)));
	y[0] = k_sub(k, x[W], k_mul(k, size, k_div(k, h, norm)));
}

const OpDef op_Adagrad = {
	.name = "Adagrad", .min_in = 5, .max_in = 5, .min_out = 2, .max_out = 2,
	ATTRS([DECAY_FACTOR] = {"decay_factor", ATTR_FLOAT, true},
	      [EPSILON] = {"epsilon", ATTR_FLOAT, true, .f = 1e-6f},
	      [NORM] = {"norm_coefficient", ATTR_FLOAT, true}),
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)},
	                 {DIMS(3, 5), .lo = 0, .hi = 1}, HYPER,
	                 {{0}, DT_I64, 0, 99}},
	          .attr = {{"decay_factor", .f = 0.1},
	                   {"norm_coefficient", .f = 0.01}}}),
};

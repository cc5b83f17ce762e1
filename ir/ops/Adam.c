/*
 * Adam of one tensor, as ai.onnx.preview.training has it:
 *
 *   h = g + norm_coefficient w
 *   v' = alpha v + (1 - alpha) h
 *   s' = beta s + (1 - beta) h^2
 *   r = R sqrt(1 - beta^T) / (1 - alpha^T), but R if T is 0
 *   w' = (1 - norm_coefficient_post) (w - r v' / (sqrt(s') + epsilon))
 *
 * It is not AdamUpdate: epsilon is added before the bias of s' is corrected.
 * 1 - beta^T = -expm1(T ln beta) keeps its digits where beta is near 1.
 * Inputs w, g, v, s, R, T.
 */
#include "ir/update.h"

#include <math.h>

enum { W, G, V, S, R, T };
enum { ALPHA, BETA, EPSILON, NORM, NORM_POST };

static bool infer(Unit *u, Node *n)
{
	return update_infer(u, n, 2);
}

static Expr *bias_correction(Kernel *k, double beta, Expr *t)
{
	if (beta <= 0)
		return k_num(k, 1);
	return k_neg(k, k_expm1(k, k_mul(k, t, k_num(k, log(beta)))));
}

/* a x + (1 - a) y */
static Expr *average(Kernel *k, double a, Expr *x, Expr *y)
{
	return update_bind(k, k_add(k, k_mul(k, k_num(k, a), x),
	                            k_mul(k, k_num(k, 1 - a), y)));
}

/* What depends on the counter: the size of the step. */
static Expr *step_size(Kernel *k, const Node *n, Expr *const x[])
{
	Expr *rate = update_scalar(k, x, R), *t = update_scalar(k, x, T);
	Expr *root = k_sqrt(k, bias_correction(k, attr_float(n, BETA), t));
	Expr *size = k_div(k, k_mul(k, rate, root),
	                   bias_correction(k, attr_float(n, ALPHA), t));
	Expr *later = k_gt(k, t, k_num(k, 0));
	return update_bind(k, k_sel(k, later, size, rate));
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *size = step_size(k, n, x);
	Expr *h = update_decayed(k, x, k_num(k, attr_float(n, NORM)));
	y[1] = average(k, attr_float(n, ALPHA), x[V], h);
	y[2] = average(k, attr_float(n, BETA), x[S], k_mul(k, h, h));
	Expr *norm = k_add(k, k_sqrt(k, y[2]),
	                   k_num(k, attr_float(n, EPSILON)));
	Expr *w = k_sub(k, x[W], k_mul(k, size, k_div(k, y[1], norm)));
	y[0] = k_mul(k, k_num(k, 1 - attr_float(n, NORM_POST)), w);
}

const OpDef op_Adam = {
	.name = "Adam", .min_in = 6, .max_in = 6, .min_out = 3, .max_out = 3,
	ATTRS([ALPHA] = {"alpha", ATTR_FLOAT, true, .f = 0.9f},
	      [BETA] = {"beta", ATTR_FLOAT, true, .f = 0.999f},
	      [EPSILON] = {"epsilon", ATTR_FLOAT, true, .f = 1e-6f},
	      [NORM] = {"norm_coefficient", ATTR_FLOAT, true},
	      [NORM_POST] = {"norm_coefficient_post", ATTR_FLOAT, true}),
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(3, 5)},
	                 {DIMS(3, 5), .lo = 0, .hi = 1}, HYPER,
	                 {{0}, DT_I64, 1, 99}},
	          .attr = {{"norm_coefficient", .f = 0.01},
	                   {"norm_coefficient_post", .f = 0.02}}},
	         {.in = {{DIMS(7)}, {DIMS(7)}, {DIMS(7)},
	                 {DIMS(7), .lo = 0, .hi = 1}, HYPER,
	                 {{0}, DT_I64, 0, 1e-3}},
	          .attr = {{"alpha", .f = 0.95}, {"beta", .f = 0.1}}}),
};

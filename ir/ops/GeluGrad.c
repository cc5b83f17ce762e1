/*
 * GeluGrad: dx = dy (P + x P'), where Gelu is y = x P(x). Exactly,
 * P' = e^(-x^2 / 2) / sqrt(2 pi); approximated, P = (1 + t) / 2 and
 * P' = (1 - t^2) / 2 sqrt(2 / pi) (1 + 3 * 0.044715 x^2).
 */
#include "ir/op.h"

#include <string.h>

enum { APPROXIMATE };

static Expr *exact(Kernel *k, Expr *x)
{
	Expr *half = k_num(k, 0.5), *square = k_mul(k, x, x);
	Expr *s = k_erf(k, k_mul(k, x, k_num(k, 0.7071067811865476)));
	Expr *p = k_mul(k, half, k_add(k, k_num(k, 1), s));
	Expr *bell = k_exp(k, k_mul(k, k_num(k, -0.5), square));
	return k_add(k, p, k_mul(k, k_mul(k, x, bell),
	                         k_num(k, 0.3989422804014327)));
}

static Expr *approximate(Kernel *k, Expr *x)
{
	Expr *half = k_num(k, 0.5), *one = k_num(k, 1);
	Expr *c = k_num(k, 0.7978845608028654);
	Expr *cubic = k_mul(k, k_num(k, 0.044715), k_mul(k, x, x));
	Expr *s = k_mul(k, x, k_add(k, one, cubic));
	Expr *t = k_get(k, k_var(k, k_tanh(k, k_mul(k, c, s))));
	Expr *slope = k_add(k, one, k_mul(k, k_num(k, 3), cubic));
	Expr *dp = k_mul(k, k_sub(k, one, k_mul(k, t, t)), k_mul(k, c, slope));
	return k_mul(k, half, k_add(k, k_add(k, one, t), k_mul(k, x, dp)));
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	bool tanh = !strcmp(n->attr[APPROXIMATE].s, "tanh");
	y[0] = k_mul(k, x[0], tanh ? approximate(k, x[1]) : exact(k, x[1]));
}

const OpDef op_GeluGrad = {
	.name = "GeluGrad", .min_in = 2, .max_in = 2,
	ATTRS([APPROXIMATE] = {"approximate", ATTR_STRING, true, .s = "none"}),
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3)}, {DIMS(2, 3)}},
	          .attr = {{"approximate", .s = "tanh"}}}),
};

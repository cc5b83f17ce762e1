/*
 * Mod: the remainder of a / b. With fmod, of the truncated quotient (the sign
 * is a's); else of the floored quotient (the sign is b's, that of 0 too).
 * da = dy, db = -dy (the rounded quotient) = dy (y - a) / b.
 */
#include "ir/op.h"

enum { FMOD };

/* r is the truncated quotient's. */
static Expr *floored_integer(Kernel *k, Expr *r, Expr *b)
{
	Expr *zero = k_num(k, 0);
	Expr *opposite = k_lt(k, k_xor(k, r, b), zero);
	Expr *adjust = k_and(k, k_ne(k, r, zero), opposite);
	return k_sel(k, adjust, k_add(k, r, b), r);
}

static Expr *floored_real(Kernel *k, Expr *r, Expr *b)
{
	Expr *zero = k_num(k, 0), *size = k_abs(k, r);
	Expr *negative = k_get(k, k_var(k, k_lt(k, b, zero)));
	Expr *opposite = k_xor(k, k_lt(k, r, zero), negative);
	Expr *exact = k_sel(k, negative, k_neg(k, size), size);
	Expr *moved = k_sel(k, opposite, k_add(k, r, b), r);
	return k_sel(k, k_eq(k, r, zero), exact, moved);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = k_mod(k, x[0], x[1]);
	if (attr_int(n, FMOD))
		return;
	Expr *r = k_get(k, k_var(k, y[0]));
	y[0] = dtype_is_float(r->type) ? floored_real(k, r, x[1])
	                               : floored_integer(k, r, x[1]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = dy[0];
	if (!want[1])
		return;
	Value *rest = APPLY(g, n->loc, op_Sub, n->out[0], n->in[0]);
	Value *slope = APPLY(g, n->loc, op_Div, rest, n->in[1]);
	dx[1] = APPLY(g, n->loc, op_Mul, dy[0], slope);
}

const OpDef op_Mod = {
	.name = "Mod", .since = 10, .min_in = 2, .max_in = 2,
	ATTRS([FMOD] = {"fmod", ATTR_INT, true}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5), .lo = -9, .hi = 9},
	                 {DIMS(5), .lo = 1, .hi = 3}}, .attr = {{"fmod", 1}}},
	         {.in = {{DIMS(4, 5), .lo = -9, .hi = 9},
	                 {DIMS(4, 1), .lo = -3, .hi = -1}}},
	         {.in = {{DIMS(15), DT_I32, -9, 9}, {DIMS(15), DT_I32, -4, 4}}},
	         {.in = {{DIMS(15), DT_I64, -9, 9}, {DIMS(15), DT_I64, -4, 4}},
	          .attr = {{"fmod", 1}}}),
};

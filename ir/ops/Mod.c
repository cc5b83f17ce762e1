/*
 * Mod: the remainder of a / b. With fmod, of the truncated quotient (the sign
 * is a's); else, for integers, of the floored quotient (the sign is b's).
 * da = dy, db = -dy trunc(a / b) = dy (y - a) / b.
 */
#include "ir/op.h"

enum { FMOD };

static bool infer(Unit *u, Node *n)
{
	if (dtype_is_float(n->in[0]->dtype) && !attr_int(n, FMOD)) {
		error_at(u, n->loc, "input 0 is %s, expected an integer without "
		         "fmod", dtype_name(n->in[0]->dtype));
		return false;
	}
	return infer_elementwise(u, n);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *zero = k_num(k, 0);
	y[0] = k_mod(k, x[0], x[1]);
	if (attr_int(n, FMOD))
		return;
	Expr *r = k_get(k, k_var(k, y[0]));
	Expr *opposite = k_lt(k, k_xor(k, r, x[1]), zero);
	Expr *adjust = k_and(k, k_ne(k, r, zero), opposite);
	y[0] = k_sel(k, adjust, k_add(k, r, x[1]), r);
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
	.infer = infer,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5), .lo = -9, .hi = 9},
	                 {DIMS(5), .lo = 1, .hi = 3}}, .attr = {{"fmod", 1}}},
	         {.in = {{DIMS(15), DT_I32, -9, 9}, {DIMS(15), DT_I32, -4, 4}}},
	         {.in = {{DIMS(15), DT_I64, -9, 9}, {DIMS(15), DT_I64, -4, 4}},
	          .attr = {{"fmod", 1}}}),
};

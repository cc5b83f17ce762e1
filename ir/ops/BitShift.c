/*
 * BitShift: y = a shifted by b bits to the LEFT or to the RIGHT, integers of one
 * type. A negative a is filled with its sign; a b that is negative, or no less
 * than the type has bits, leaves only what is filled in.
 */
#include "ir/op.h"

#include <string.h>

enum { DIRECTION };

static bool is_signed(DType t)
{
	return t == DT_I8 || t == DT_I16 || t == DT_I32 || t == DT_I64;
}

static bool is_left(const Node *n)
{
	return !strcmp(n->attr[DIRECTION].s, "LEFT");
}

static bool infer(Unit *u, Node *n)
{
	const Attr *a = &n->attr[DIRECTION];
	if (!a->set || (!is_left(n) && strcmp(a->s, "RIGHT"))) {
		error_at(u, n->loc, "direction is '%s', expected LEFT or RIGHT",
		         a->set ? a->s : "");
		return false;
	}
	return infer_integers(u, n);
}

/* The shift of what has no sign: of -1 - a for a negative a. */
static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	DType type = n->in[0]->dtype;
	Expr *zero = k_num(k, 0), *fill = NULL, *a = x[0];
	Expr *inside = k_and(k, k_ge(k, x[1], zero),
	                     k_lt(k, x[1], k_num(k, 8 * dtype_size(type))));
	inside = k_get(k, k_var(k, inside));
	Expr *b = k_sel(k, inside, x[1], zero);
	if (is_left(n)) {
		y[0] = k_sel(k, inside, k_shl(k, a, b), zero);
		return;
	}
	if (is_signed(type)) {
		fill = k_neg(k, k_cast(k, a->type, k_lt(k, a, zero)));
		fill = k_get(k, k_var(k, fill));
		a = k_xor(k, a, fill);
	}
	Expr *moved = k_sel(k, inside, k_shr(k, a, b), zero);
	y[0] = fill ? k_xor(k, moved, fill) : moved;
}

const OpDef op_BitShift = {
	.name = "BitShift", .since = 11, .min_in = 2, .max_in = 2,
	ATTRS([DIRECTION] = {"direction", ATTR_STRING}),
	.infer = infer,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 9), DT_U8, 0, 255}, {DIMS(9), DT_U8, 0, 9}},
	          .attr = {{"direction", .s = "LEFT"}}},
	         {.in = {{DIMS(4, 9), DT_U8, 0, 255}, {DIMS(9), DT_U8, 0, 9}},
	          .attr = {{"direction", .s = "RIGHT"}}},
	         {.in = {{DIMS(20), DT_I32, -2147483648.0, 2147483647},
	                 {DIMS(20), DT_I32, -3, 35}},
	          .attr = {{"direction", .s = "RIGHT"}}},
	         {.in = {{DIMS(20), DT_I32, -2147483648.0, 2147483647},
	                 {DIMS(20), DT_I32, -3, 35}},
	          .attr = {{"direction", .s = "LEFT"}}},
	         {.in = {{DIMS(20), DT_U64, 0, 18446744073709551615.0},
	                 {DIMS(20), DT_U64, 0, 70}},
	          .attr = {{"direction", .s = "RIGHT"}}},
	         {.in = {{DIMS(20), DT_U64, 0, 18446744073709551615.0},
	                 {DIMS(20), DT_U64, 0, 70}},
	          .attr = {{"direction", .s = "LEFT"}}}),
};

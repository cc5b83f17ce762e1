/*
 * PackBits: bools as bits, eight to a byte (numpy's packbits, little-endian).
 * What the backward pass keeps of a value of which it only asks a yes or no.
 */
#include "ir/op.h"

static bool infer(Unit *u, Node *n)
{
	if (n->in[0]->dtype != DT_BOOL) {
		error_at(u, n->loc, "input is %s, expected bool",
		         dtype_name(n->in[0]->dtype));
		return false;
	}
	n->out[0]->dtype = DT_BIT;
	n->out[0]->shape = n->in[0]->shape;
	return true;
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = x[0];
}

const OpDef op_PackBits = {
	.name = "PackBits", .min_in = 1, .max_in = 1,
	.infer = infer,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(2, 3, 7), DT_BOOL}}},
	         {.in = {{DIMS(16), DT_BOOL}}},
	         {.in = {{DIMS(1, 9), DT_BOOL}}},
	         {.in = {{DIMS(5), DT_BOOL}}},
	         {.in = {{{0}, DT_BOOL}}}),
};

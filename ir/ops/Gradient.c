/*
 * Gradient: what ai.onnx.preview.training calls so. Output i is the gradient of
 * y, or of the sum of its elements, with respect to x[i].
 *
 * It only holds the place: passes/gradient.c puts the nodes of the backward pass
 * there once a function's forward nodes are what they will be. Every x[i] is an
 * input, a variable or a Copy, so that no rewrite can make y forget it.
 * Inputs y, x[0], x[1], ...
 */
#include "ir/op.h"

static bool infer(Unit *u, Node *n)
{
	for (int o = 0; o < n->nout; o++)
		infer_like(n, o, 1 + o);
	if (n->nout == n->nin - 1)
		return true;
	error_at(u, n->loc, "has %d outputs, expected %d", n->nout, n->nin - 1);
	return false;
}

const OpDef op_Gradient = {
	.name = "Gradient", .min_in = 2, .max_in = VARIADIC,
	.min_out = 1, .max_out = VARIADIC,
	.infer = infer,
};

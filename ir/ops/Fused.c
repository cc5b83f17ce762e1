/*
 * Fused: several elementwise nodes in one loop. The members (Node.body) keep
 * their values, operators and attributes; the node's inputs are what they read
 * from outside, its outputs what is read of them. Made by the fuse pass only.
 */
#include "ir/op.h"

/* The members were inferred before they were fused. */
static bool infer(Unit *u, Node *n)
{
	return true;
}

const OpDef op_Fused = {
	.name = "Fused", .min_in = 0, .max_in = VARIADIC,
	.min_out = 1, .max_out = 1 << 20,
	.infer = infer,
	.lower = lower_elementwise,
	.parts = parts_elementwise,
};

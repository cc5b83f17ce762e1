/*
 * SGDUpdate of w by the gradient g, as torch.optim.SGD without momentum:
 *
 *   w' = w - lr (g + weight_decay w)
 *
 * Inputs w, g, lr, and weight_decay unless g has it already.
 */
#include "ir/update.h"

enum { W, G, LR, DECAY };

static bool infer(Unit *u, Node *n)
{
	return update_infer(u, n, 0);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *g = n->nin <= DECAY ? x[G]
	        : update_decayed(k, x, update_scalar(k, x, DECAY));
	y[0] = k_sub(k, x[W], k_mul(k, update_scalar(k, x, LR), g));
}

const OpDef op_SGDUpdate = {
	.name = "SGDUpdate", .min_in = 3, .max_in = 4,
	.infer = infer,
	.scalar = scalar,
	EXAMPLES({.nin = 4, .in = {{DIMS(3, 5)}, {DIMS(3, 5)}, HYPER, HYPER}},
	         {.nin = 4, .in = {{{0}}, {{0}}, HYPER, HYPER}},
	         {.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, HYPER}}),
};

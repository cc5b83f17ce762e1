/*
 * RMSNormalizationGrad: the gradient of the input, from dy, x, scale and inv.
 * With g = dy scale, h = x inv, and the mean over the N elements of a row:
 * dx = inv (g - h mean of g h).
 */
#include "ir/layer_norm.h"

static bool infer(Unit *u, Node *n)
{
	return infer_like(n, 0, 1);
}

/* g and h of the element that the loops are at. */
static void element(Kernel *k, const Node *n, const int loop[], int inv,
                    Expr **g, Expr **h)
{
	const Value *scale = n->in[2];
	const int *at = loop + n->in[1]->shape.rank - scale->shape.rank;
	*g = k_get(k, k_var(k, k_mul(k, k_load(k, n->in[0], loop),
	                             k_load(k, scale, at))));
	*h = k_get(k, k_var(k, k_mul(k, k_load(k, n->in[1], loop),
	                             k_get(k, inv))));
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[1];
	int axis = layer_norm_axis(n), rank = x->shape.rank, loop[MAX_RANK];
	Expr *g, *h;
	for (int a = 0; a < axis; a++)
		loop[a] = k_for(k, x->shape.dim[a]);
	int inv = k_var(k, k_load(k, n->in[3], loop));
	int dot = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	layer_norm_row(k, x->shape, axis, loop);
	element(k, n, loop, inv, &g, &h);
	k_set(k, dot, k_add(k, k_get(k, dot), k_mul(k, g, h)));
	k_end_n(k, rank - axis);
	k_set(k, dot, k_div(k, k_get(k, dot),
	                    k_num(k, (double)layer_norm_count(n))));
	layer_norm_row(k, x->shape, axis, loop);
	element(k, n, loop, inv, &g, &h);
	Expr *rest = k_sub(k, g, k_mul(k, h, k_get(k, dot)));
	k_store(k, n->out[0], loop, k_mul(k, k_get(k, inv), rest));
	k_end_n(k, rank);
}

const OpDef op_RMSNormalizationGrad = {
	.name = "RMSNormalizationGrad", .min_in = 4, .max_in = 4,
	LAYER_NORM_ATTRS,
	.infer = infer,
	.lower = lower,
	.parts = layer_norm_parts,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(5)}, {DIMS(3, 1)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4)}, {DIMS(3, 1)},
	                 {DIMS(2, 1, 1)}}, .attr = {{"axis", 1}}}),
};

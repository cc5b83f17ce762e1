/* BatchNormalizationSums(x, dy, mean, inverse deviation): the gradients of
 * scale and b, dscale = sum of dy (x - mean) inverse, db = sum of dy. */
#include "ir/op.h"

#include "ir/channels.h"

enum { X, DY, MEAN, INVERSE };

static bool infer(Unit *u, Node *n)
{
	channels_infer(n, 0);
	channels_infer(n, 1);
	return channels_check(u, n, MEAN, INVERSE);
}

static void lower(Kernel *k, const Node *n)
{
	Channels t = channels_of(n->in[X]->shape);
	DType type = compute_type(n->in[X]->dtype);
	int c = k_for(k, t.c);
	int mean = k_var(k, k_load_flat(k, n->in[MEAN], k_at(c)));
	int sum = k_var(k, k_typed(k, type, 0));
	int product = k_var(k, k_typed(k, type, 0));
	channels_open(k, &t);
	Index at = channels_at(&t, c);
	int dy = k_var(k, k_load_flat(k, n->in[DY], at));
	Expr *x = k_sub(k, k_load_flat(k, n->in[X], at), k_get(k, mean));
	k_set(k, sum, k_add(k, k_get(k, sum), k_get(k, dy)));
	k_set(k, product, k_add(k, k_get(k, product),
	                        k_mul(k, k_get(k, dy), x)));
	channels_close(k);
	Expr *inverse = k_load_flat(k, n->in[INVERSE], k_at(c));
	k_store_flat(k, n->out[0], k_at(c),
	             k_mul(k, k_get(k, product), inverse));
	k_store_flat(k, n->out[1], k_at(c), k_get(k, sum));
	k_end(k);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return parts_are_first(n, part, 2) && parts_give(n, PART_SUM, out);
}

const OpDef op_BatchNormalizationSums = {
	.name = "BatchNormalizationSums", .min_in = 4, .max_in = 4,
	.min_out = 2, .max_out = 2,
	.infer = infer,
	.lower = lower,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(2, 3, 4, 5)}, {DIMS(2, 3, 4, 5)}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}}},
	         {.in = {{DIMS(4, 3)}, {DIMS(4, 3)}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}}}),
};

/* BatchNormalizationSums(x, dy, mean, from..): per channel, what the gradients of
 * scale and b come of: the sums of dy (x - mean), and of dy. They begin with what
 * is given, or 0. */
#include "ir/op.h"

#include "ir/channels.h"

enum { X, DY, MEAN, FROM };

static bool infer(Unit *u, Node *n)
{
	channels_infer(n, 0);
	channels_infer(n, 1);
	return channels_check(u, n, MEAN, n->nin - 1);
}

static int beginning(Kernel *k, const Node *n, int o, int c)
{
	const Value *from = node_sum_from(n, o);
	if (from)
		return k_var(k, k_load_flat(k, from, k_at(c)));
	return k_var(k, k_typed(k, compute_type(n->in[X]->dtype), 0));
}

static void lower(Kernel *k, const Node *n)
{
	Channels t = channels_of(n->in[X]->shape);
	int c = k_for(k, t.c);
	int mean = k_var(k, k_load_flat(k, n->in[MEAN], k_at(c)));
	int product = beginning(k, n, 0, c), sum = beginning(k, n, 1, c);
	channels_open(k, &t);
	Index at = channels_at(&t, c);
	int dy = k_var(k, k_load_flat(k, n->in[DY], at));
	Expr *x = k_sub(k, k_load_flat(k, n->in[X], at), k_get(k, mean));
	k_set(k, sum, k_add(k, k_get(k, sum), k_get(k, dy)));
	k_set(k, product, k_add(k, k_get(k, product),
	                        k_mul(k, k_get(k, dy), x)));
	channels_close(k);
	k_store_flat(k, n->out[0], k_at(c), k_get(k, product));
	k_store_flat(k, n->out[1], k_at(c), k_get(k, sum));
	k_end(k);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return parts_are_first(n, part, 2) && parts_give(n, PART_SUM, out);
}

const OpDef op_BatchNormalizationSums = {
	.name = "BatchNormalizationSums", .min_in = 3, .max_in = 5,
	.min_out = 2, .max_out = 2,
	.goes_on = FROM,
	.infer = infer,
	.lower = lower,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(2, 3, 4, 5)}, {DIMS(2, 3, 4, 5)}, {DIMS(3)}}},
	         {.nin = 5, .in = {{DIMS(4, 3)}, {DIMS(4, 3)}, {DIMS(3)},
	                           {DIMS(3)}, {DIMS(3)}}}),
};

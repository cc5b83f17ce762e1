/*
 * RandomUniformLike: uniform in [0, 1), of the shape of x, whose elements are
 * not read. Element i's number i of the sequence that `seed` (which differs for
 * each step) and `id` (which differs for each node that draws) name. With the
 * third input x is but that part of the batch.
 */
#include "ir/draw.h"
#include "ir/op.h"

enum { ID };
enum { X, SEED, PART };

static const Value *part_of(const Node *n)
{
	return n->nin > PART ? n->in[PART] : NULL;
}

static bool infer(Unit *u, Node *n)
{
	if (!draw_check(u, n, n->in[SEED], part_of(n)))
		return false;
	n->out[0]->dtype = DT_F32;
	n->out[0]->shape = n->in[X]->shape;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	int64_t elements = numel(n->out[0]->shape);
	int sequence = draw_sequence(k, n->in[SEED], attr_int(n, ID));
	Index first = draw_first(k, part_of(n), elements);
	Index at = k_at(k_for(k, elements));
	k_store_flat(k, n->out[0], at,
	             draw_uniform(k, sequence, k_sum(first, at)));
	k_end(k);
}

/* Of all of the batch: parts of a part would need two numbers. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return !part_of(n) && parts_first(n, part, out);
}

const OpDef op_RandomUniformLike = {
	.name = "RandomUniformLike", .min_in = 2, .max_in = 3,
	ATTRS([ID] = {"id", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.stops = true,
	.parts = parts,
	.wants_part = true,
	EXAMPLES({.in = {{DIMS(4, 5)}, {{0}, DT_U32, 0, 4294967295.0}}},
	         {.in = {{DIMS(4, 5)}, {{0}, DT_U32, 0, 4294967295.0}},
	          .attr = {{"id", 7}}},
	         {.in = {{DIMS(2, 5)}, {{0}, DT_U32, 0, 4294967295.0},
	                 {{0}, DT_I32, 0, 3}}, .nin = 3}),
};

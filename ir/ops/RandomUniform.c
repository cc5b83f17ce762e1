/*
 * RandomUniform: uniform in [0, 1), of a shape that is given. Element i's number
 * i of the sequence that `seed` (which differs for each step) and `id` (which
 * differs for each node that draws) name.
 */
#include "ir/draw.h"
#include "ir/op.h"

enum { SHAPE, ID };
enum { SEED };

static bool infer(Unit *u, Node *n)
{
	n->out[0]->dtype = DT_F32;
	return draw_check(u, n, n->in[SEED], NULL) &&
	       infer_shape(u, n, SHAPE, &n->out[0]->shape);
}

static void lower(Kernel *k, const Node *n)
{
	int sequence = draw_sequence(k, n->in[SEED], attr_int(n, ID));
	Index at = k_at(k_for(k, numel(n->out[0]->shape)));
	k_store_flat(k, n->out[0], at, draw_uniform(k, sequence, at));
	k_end(k);
}

const OpDef op_RandomUniform = {
	.name = "RandomUniform", .min_in = 1, .max_in = 1,
	ATTRS([SHAPE] = {"shape", ATTR_INTS}, [ID] = {"id", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.stops = true,
	EXAMPLES({.in = {{{0}, DT_U32, 0, 4294967295.0}},
	          .attr = {{"shape", INTS(4, 5)}}},
	         {.in = {{{0}, DT_U32, 0, 4294967295.0}},
	          .attr = {{"shape", INTS(3)}, {"id", 7}}}),
};

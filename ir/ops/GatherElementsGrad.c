/* GatherElementsGrad(dy, indices): zeros of `shape`, to which each dy is added
 * where GatherElements read; nothing for an index that is out of range. */
#include "ir/scatter.h"

enum { SHAPE = SCATTER_NAXIS };

static bool infer(Unit *u, Node *n)
{
	Shape x;
	if (!infer_shape(u, n, SHAPE, &x) || !scatter_fits(u, n, x, n->in[1]) ||
	    !scatter_like(u, n, n->in[0], n->in[1]->shape))
		return false;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = x;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	int loop[MAX_RANK];
	Index at[MAX_RANK];
	k_fill(k, n->out[0], 0);
	scatter_open(k, n, n->out[0]->shape, n->in[1], loop, at);
	k_accumulate_padded(k, n->out[0], at, k_load(k, n->in[0], loop));
	k_end_n(k, n->in[1]->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_GatherElements, dy[0], n->in[1]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_GatherElementsGrad = {
	.name = "GatherElementsGrad", .min_in = 2, .max_in = 2,
	ATTRS(SCATTER_AXIS_ATTR, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = scatter_parts,
	EXAMPLES({.in = {{DIMS(2, 4)}, {DIMS(2, 4), DT_I64, -3, 2}},
	          .attr = {{"shape", INTS(3, 4)}}},
	         {.in = {{DIMS(2, 5, 4)}, {DIMS(2, 5, 4), DT_I32, -9, 9}},
	          .attr = {{"axis", 1}, {"shape", INTS(2, 3, 4)}}}),
};

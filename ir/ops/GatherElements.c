/*
 * GatherElements: y[i..] = x[i..] with the place along `axis` replaced by
 * indices[i..]; y has the shape of the indices. A negative index counts from the
 * end; one that is out of range gives 0.
 */
#include "ir/scatter.h"

static bool infer(Unit *u, Node *n)
{
	if (!scatter_fits(u, n, n->in[0]->shape, n->in[1]))
		return false;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = n->in[1]->shape;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	int loop[MAX_RANK];
	Index at[MAX_RANK];
	scatter_open(k, n, n->in[0]->shape, n->in[1], loop, at);
	k_store(k, n->out[0], loop, k_load_padded(k, n->in[0], at, 0));
	k_end_n(k, n->in[1]->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Shape x = n->in[0]->shape;
	Node *e = NEW(g, n->loc, op_GatherElementsGrad, dy[0], n->in[1]);
	node_copy_attrs(g, e, n);
	node_set_ints(g, e, "shape", x.rank, x.dim);
	dx[0] = node_done(g, e);
}

const OpDef op_GatherElements = {
	.name = "GatherElements", .since = 11, .min_in = 2, .max_in = 2,
	ATTRS(SCATTER_AXIS_ATTR),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = scatter_parts,
	EXAMPLES({.in = {{DIMS(3, 4)}, {DIMS(2, 4), DT_I64, -3, 2}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 5, 4), DT_I32, -3, 2}},
	          .attr = {{"axis", 1}}},
	         {.in = {{DIMS(2, 5)}, {DIMS(2, 3), DT_I64, -9, 9}},
	          .attr = {{"axis", -1}}}),
};

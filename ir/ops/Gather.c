/*
 * Gather: y[a.., i.., b..] = data[a.., indices[i..], b..], where the indexed
 * dimension is `axis`. A negative index counts from the end; one that is out of
 * range gives 0.
 */
#include "ir/op.h"

#include "ir/gather.h"

static bool infer(Unit *u, Node *n)
{
	Shape y;
	if (!gather_shape(u, n, n->in[0]->shape, n->in[1], &y))
		return false;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = y;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	Index whole[MAX_RANK], part[MAX_RANK];
	gather_open(k, n, n->in[0]->shape, n->in[1], whole, part);
	k_store_at(k, n->out[0], part, k_load_padded(k, n->in[0], whole, 0));
	gather_close(k, n->out[0]->shape);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Shape x = n->in[0]->shape;
	Node *d = NEW(g, n->loc, op_GatherGrad, dy[0], n->in[1]);
	node_copy_attrs(g, d, n);
	node_set_ints(g, d, "shape", x.rank, x.dim);
	dx[0] = node_done(g, d);
}

/* Rows of the indices, or of the data if each has all that is gathered from. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	bool first = gather_axis(n, n->in[0]->shape) == 0;
	return part[first] && !part[!first] && parts_give(n, PART_ROWS, out);
}

const OpDef op_Gather = {
	.name = "Gather", .since = 1, .min_in = 2, .max_in = 2,
	ATTRS(GATHER_ATTRS),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(5, 3)}, {DIMS(2, 4), DT_I64, -5, 4}}},
	         {.in = {{DIMS(2, 4, 3)}, {DIMS(2), DT_I32, -4, 3}},
	          .attr = {{"axis", 1}}},
	         {.in = {{DIMS(2, 4)}, {{0}, DT_I64, 0, 3}},
	          .attr = {{"axis", -1}}},
	         {.in = {{DIMS(3, 2)}, {DIMS(6), DT_I64, -9, 9}}}),
};

/*
 * GatherND: y[i.., s..] = x[b.., indices[i.., 0], indices[i.., 1], .., s..],
 * where the first `batch_dims` of the i are the b. A negative index counts from
 * the end; a tuple that is out of range gives 0.
 */
#include "ir/gather_nd.h"

enum { BATCH_DIMS };

static bool infer(Unit *u, Node *n)
{
	n->out[0]->dtype = n->in[0]->dtype;
	return gather_nd_shape(u, n, n->in[0]->shape, n->in[1],
	                       attr_int(n, BATCH_DIMS), &n->out[0]->shape);
}

static void lower(Kernel *k, const Node *n)
{
	Index whole[MAX_RANK], part[MAX_RANK];
	gather_nd_open(k, n->in[0]->shape, n->in[1],
	               (int)attr_int(n, BATCH_DIMS), whole, part);
	k_store_at(k, n->out[0], part, k_load_padded(k, n->in[0], whole, 0));
	k_end_n(k, n->out[0]->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Shape x = n->in[0]->shape;
	Node *e = NEW(g, n->loc, op_GatherNDGrad, dy[0], n->in[1]);
	node_copy_attrs(g, e, n);
	node_set_ints(g, e, "shape", x.rank, x.dim);
	dx[0] = node_done(g, e);
}

/* Rows of both where the batch is one of the batch_dims; else of the tuples. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	bool rows = attr_int(n, BATCH_DIMS) > 0 ? part[0] && part[1]
	            : !part[0] && part[1] && n->in[1]->shape.rank > 1;
	return rows && parts_give(n, PART_ROWS, out);
}

const OpDef op_GatherND = {
	.name = "GatherND", .since = 12, .min_in = 2, .max_in = 2,
	ATTRS([BATCH_DIMS] = {"batch_dims", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(3, 4)}, {DIMS(2, 2), DT_I64, -3, 2}}},
	         {.in = {{DIMS(3, 4)}, {DIMS(2, 5, 1), DT_I32, -3, 2}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 1), DT_I64, -9, 9}},
	          .attr = {{"batch_dims", 1}}}),
};

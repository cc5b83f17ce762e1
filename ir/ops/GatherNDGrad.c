/* GatherNDGrad(dy, indices): zeros of `shape`, to which each dy is added where
 * GatherND read; nothing for a tuple that is out of range. */
#include "ir/gather_nd.h"

enum { BATCH_DIMS, SHAPE };

static bool infer(Unit *u, Node *n)
{
	Shape x, part;
	if (!infer_shape(u, n, SHAPE, &x) ||
	    !gather_nd_shape(u, n, x, n->in[1], attr_int(n, BATCH_DIMS), &part))
		return false;
	if (!shape_equal(part, n->in[0]->shape)) {
		error_at(u, n->loc, "input has shape %s, gathering gives %s",
		         shape_text(u->arena, n->in[0]->shape),
		         shape_text(u->arena, part));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = x;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	Index whole[MAX_RANK], part[MAX_RANK];
	k_fill(k, n->out[0], 0);
	gather_nd_open(k, n->out[0]->shape, n->in[1],
	               (int)attr_int(n, BATCH_DIMS), whole, part);
	k_accumulate_padded(k, n->out[0], whole, k_load_at(k, n->in[0], part));
	k_end_n(k, n->in[0]->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_GatherND, dy[0], n->in[1]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	if (!part[0] || !part[1])
		return false;
	return parts_give(n, attr_int(n, BATCH_DIMS) > 0 ? PART_ROWS : PART_SUM,
	                  out);
}

const OpDef op_GatherNDGrad = {
	.name = "GatherNDGrad", .min_in = 2, .max_in = 2,
	ATTRS([BATCH_DIMS] = {"batch_dims", ATTR_INT, true},
	      [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(4)}, {DIMS(4, 2), DT_I64, -3, 2}},
	          .attr = {{"shape", INTS(3, 4)}}},
	         {.in = {{DIMS(2, 4)}, {DIMS(2, 1), DT_I64, -9, 9}},
	          .attr = {{"batch_dims", 1}, {"shape", INTS(2, 3, 4)}}}),
};

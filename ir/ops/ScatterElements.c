/*
 * ScatterElements: y = x, but where the place along `axis` is replaced by
 * indices[i..], updates[i..] by `reduction`: instead of the old element (of two
 * at one place the last), added to it, multiplied by it, or the greater or less
 * of the two. An index that is out of range does nothing.
 *
 * Ties of the greater and the less share their gradient equally; what a second
 * update of one place overwrites is not looked at.
 */
#include "ir/scatter.h"

enum { REDUCTION = SCATTER_NAXIS };

static bool infer(Unit *u, Node *n)
{
	return scatter_fits(u, n, n->in[0]->shape, n->in[1]) &&
	       scatter_like(u, n, n->in[2], n->in[1]->shape) &&
	       scatter_infer(u, n, n->attr[REDUCTION].s);
}

static void lower(Kernel *k, const Node *n)
{
	int loop[MAX_RANK];
	Index at[MAX_RANK];
	scatter_copy(k, n->in[0], n->out[0]);
	scatter_open(k, n, n->in[0]->shape, n->in[1], loop, at);
	scatter_store(k, n->out[0], at, k_load(k, n->in[2], loop),
	              n->attr[REDUCTION].s);
	k_end_n(k, n->in[1]->shape.rank);
}

static Value *gather(Graph *g, const Node *n, Value *v)
{
	Node *named = NEW(g, n->loc, op_GatherElements, v, n->in[1]);
	node_copy_attrs(g, named, n);
	return node_done(g, named);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	scatter_grad(g, n, n->attr[REDUCTION].s, dy[0], gather, want, dx);
}

const OpDef op_ScatterElements = {
	.name = "ScatterElements", .since = 18, .min_in = 3, .max_in = 3,
	ATTRS(SCATTER_AXIS_ATTR, [REDUCTION] = SCATTER_REDUCTION_ATTR),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = scatter_parts,
	EXAMPLES({.in = {{DIMS(3, 4)}, {DIMS(1, 4), DT_I64, -3, 2},
	                 {DIMS(1, 4)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 5, 4), DT_I32, -4, 3},
	                 {DIMS(2, 5, 4)}},
	          .attr = {{"axis", 1}, {"reduction", .s = "add"}}},
	         {.in = {{DIMS(7), DT_I32, -9, 9}, {DIMS(5), DT_I64, 0, 6},
	                 {DIMS(5), DT_I32, -9, 9}},
	          .attr = {{"reduction", .s = "mul"}}},
	         {.in = {{DIMS(7), DT_I32, -9, 9}, {DIMS(5), DT_I64, 0, 6},
	                 {DIMS(5), DT_I32, -9, 9}},
	          .attr = {{"reduction", .s = "max"}}},
	         {.in = {{DIMS(7), DT_I32, -9, 9}, {DIMS(5), DT_I64, 0, 6},
	                 {DIMS(5), DT_I32, -9, 9}},
	          .attr = {{"reduction", .s = "min"}}},
	         {.in = {{DIMS(3, 4)}, {DIMS(2, 3), DT_I64, -4, 3},
	                 {DIMS(2, 3)}},
	          .attr = {{"axis", 1}, {"reduction", .s = "max"}}},
	         {.in = {{DIMS(5)}, {DIMS(4), DT_I64, 0, 6}, {DIMS(4)}},
	          .attr = {{"reduction", .s = "min"}}},
	         {.in = {{DIMS(3, 4)}, {DIMS(2, 3), DT_I64, -4, 5},
	                 {DIMS(2, 3)}},
	          .attr = {{"axis", 1}, {"reduction", .s = "mul"}}}),
};

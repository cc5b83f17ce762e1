/*
 * ScatterND: y = x, but the part that each tuple of indices names is combined
 * with its updates by `reduction`, as in ScatterElements. A tuple that is out of
 * range does nothing.
 */
#include "ir/gather_nd.h"
#include "ir/scatter.h"

enum { REDUCTION };

static bool infer(Unit *u, Node *n)
{
	Shape part;
	return gather_nd_shape(u, n, n->in[0]->shape, n->in[1], 0, &part) &&
	       scatter_like(u, n, n->in[2], part) &&
	       scatter_infer(u, n, n->attr[REDUCTION].s);
}

static void lower(Kernel *k, const Node *n)
{
	Index whole[MAX_RANK], part[MAX_RANK];
	scatter_copy(k, n->in[0], n->out[0]);
	gather_nd_open(k, n->in[0]->shape, n->in[1], 0, whole, part);
	scatter_store(k, n->out[0], whole, k_load_at(k, n->in[2], part),
	              n->attr[REDUCTION].s);
	k_end_n(k, n->in[2]->shape.rank);
}

static Value *gather(Graph *g, const Node *n, Value *v)
{
	return APPLY(g, n->loc, op_GatherND, v, n->in[1]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	scatter_grad(g, n, n->attr[REDUCTION].s, dy[0], gather, want, dx);
}

const OpDef op_ScatterND = {
	.name = "ScatterND", .since = 18, .min_in = 3, .max_in = 3,
	ATTRS([REDUCTION] = SCATTER_REDUCTION_ATTR),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 3)}, {DIMS(1, 1), DT_I64, -4, 3},
	                 {DIMS(1, 3)}}},
	         {.in = {{DIMS(4, 3)}, {DIMS(2, 5, 2), DT_I64, -3, 2},
	                 {DIMS(2, 5)}}, .attr = {{"reduction", .s = "add"}}},
	         {.in = {{DIMS(4, 3), DT_I32, -9, 9}, {DIMS(3, 1), DT_I32, 0, 3},
	                 {DIMS(3, 3), DT_I32, -9, 9}},
	          .attr = {{"reduction", .s = "mul"}}},
	         {.in = {{DIMS(4, 3)}, {DIMS(5, 1), DT_I64, -4, 3},
	                 {DIMS(5, 3)}}, .attr = {{"reduction", .s = "max"}}},
	         {.in = {{DIMS(4, 3)}, {DIMS(5, 2), DT_I64, -3, 2},
	                 {DIMS(5)}}, .attr = {{"reduction", .s = "min"}}},
	         {.in = {{DIMS(4, 3)}, {DIMS(5, 1), DT_I64, -4, 3},
	                 {DIMS(5, 3)}}, .attr = {{"reduction", .s = "mul"}}}),
};

/* ReduceProd: y = product of x. dx = dy times the product of the others. */
#include "ir/reduce.h"

static void lower(Kernel *k, const Node *n)
{
	reduce_lower(k, n, FROM_ONE, k_mul, NULL);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_ReduceProdGrad, n->in[0],
	              reduce_align(g, n, dy[0]));
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_ReduceProd = {
	.name = "ReduceProd", .since = 13, .min_in = 1, .max_in = 1,
	REDUCE_ATTRS,
	.infer = reduce_infer,
	.lower = lower,
	.grad = grad,
	.parts = reduce_parts_kept,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"axes", INTS(1)}}},
	         {.in = {{DIMS(2, 1, 5)}},
	          .attr = {{"axes", INTS(-1, 0)}, {"keepdims", 0}}},
	         {.in = {{{0}}}},
	         {.in = {{DIMS(2, 3)}}, .attr = {{"noop_with_empty_axes", 1}}},
	         {.in = {{DIMS(2, 5), DT_I64, -3, 3}},
	          .attr = {{"axes", INTS(1)}}}),
};

/* ReduceMean: y = sum of x / count. dx = dy / count, spread back. */
#include "ir/build.h"
#include "ir/reduce.h"

static Expr *divide(Kernel *k, const Node *n, Expr *sum)
{
	return k_div(k, sum, k_num(k, (double)reduce_count(n)));
}

static void lower(Kernel *k, const Node *n)
{
	reduce_lower(k, n, FROM_ZERO, k_add, divide);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *each = build_scale(g, n->loc, reduce_align(g, n, dy[0]),
	                          1.0 / (double)reduce_count(n));
	dx[0] = build_expand(g, n->loc, each, n->in[0]->shape);
}

const OpDef op_ReduceMean = {
	.name = "ReduceMean", .since = 13, .min_in = 1, .max_in = 1,
	REDUCE_ATTRS,
	.infer = reduce_infer,
	.lower = lower,
	.grad = grad,
	.parts = reduce_parts_mean,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"axes", INTS(1)}}},
	         {.in = {{DIMS(2, 1, 5)}},
	          .attr = {{"axes", INTS(-1, 0)}, {"keepdims", 0}}},
	         {.in = {{DIMS(3, 5)}}, .attr = {{"keepdims", 0}}},
	         {.in = {{{0}}}},
	         {.in = {{DIMS(2, 3)}}, .attr = {{"noop_with_empty_axes", 1}}}),
};

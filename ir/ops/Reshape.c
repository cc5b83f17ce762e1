/* Reshape: the same elements in the same order; `shape` is final, without 0
 * or -1. Flatten, Squeeze and Unsqueeze are read as this. */
#include "ir/op.h"

#include "ir/build.h"

enum { SHAPE };

static bool infer(Unit *u, Node *n)
{
	Shape from = n->in[0]->shape, to;
	if (!infer_shape(u, n, SHAPE, &to))
		return false;
	if (!shape_valid(to) || numel(from) != numel(to)) {
		error_at(u, n->loc, "cannot reshape %s to %s",
		         shape_text(u->arena, from), shape_text(u->arena, to));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = to;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	int i = k_for(k, numel(n->out[0]->shape));
	k_store_flat(k, n->out[0], k_at(i),
	             k_load_flat(k, n->in[0], k_at(i)));
	k_end(k);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = build_reshape(g, n->loc, dy[0], n->in[0]->shape);
}

const OpDef op_Reshape = {
	.name = "Reshape", .since = 5, .min_in = 1, .max_in = 1,
	ATTRS([SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.view = true,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(2, 3)}}, .attr = {{"shape", INTS(3, 2)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"shape", INTS(24)}}},
	         {.in = {{DIMS(1)}}, .attr = {{"shape", .n = 0}}},
	         {.in = {{DIMS(6), DT_I64, -9, 9}},
	          .attr = {{"shape", INTS(1, 6)}}}),
};

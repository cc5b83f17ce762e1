/* MaxPoolGrad(dy, place): dx of `shape`, to which each dy is added where
 * MaxPool found the maximum; the other attributes are MaxPool's. */
#include "ir/op.h"

#include "ir/pool.h"

enum { SHAPE = POOL_NATTRS };

static bool infer(Unit *u, Node *n)
{
	if (!shape_equal(n->in[0]->shape, n->in[1]->shape) ||
	    dtype_is_float(n->in[1]->dtype)) {
		error_at(u, n->loc, "places are %s%s, expected integers %s",
		         dtype_name(n->in[1]->dtype),
		         shape_text(u->arena, n->in[1]->shape),
		         shape_text(u->arena, n->in[0]->shape));
		return false;
	}
	return pool_grad_infer(u, n, SHAPE);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *dy = n->in[0], *dx = n->out[0];
	Window w = window_of(n, dx->shape, NULL);
	int loop[2 + MAX_SPATIAL], cell[MAX_SPATIAL];
	pool_for_gradient(k, dx, dy, loop);
	pool_split_place(k, &w, k_load(k, n->in[1], loop), cell);
	Index at[MAX_RANK] = {k_at(loop[0]), k_at(loop[1])};
	for (int d = 0; d < w.rank; d++)
		at[2 + d] = window_at(&w, d, k_at(loop[2 + d]),
		                      k_indirect(cell[d]));
	k_accumulate_padded(k, dx, at, k_load(k, dy, loop));
	k_end_n(k, dy->shape.rank);
}

const OpDef op_MaxPoolGrad = {
	.name = "MaxPoolGrad", .min_in = 2, .max_in = 2,
	ATTRS(POOL_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.parts = parts_all,
	EXAMPLES({.in = {{DIMS(2, 2, 2, 2)}, {DIMS(2, 2, 2, 2), DT_U8, 0, 3}},
	          .attr = {{"kernel_shape", INTS(2, 2)},
	                   {"strides", INTS(2, 2)}, {"shape", INTS(2, 2, 4, 4)}}},
	         {.in = {{DIMS(1, 2, 3, 6)}, {DIMS(1, 2, 3, 6), DT_U8, 0, 5}},
	          .attr = {{"kernel_shape", INTS(3, 2)}, {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 1, 1)},
	                   {"shape", INTS(1, 2, 5, 6)}}},
	         {.in = {{DIMS(2, 1, 5)}, {DIMS(2, 1, 5), DT_I32, 0, 2}},
	          .attr = {{"kernel_shape", INTS(3)}, {"strides", INTS(2)},
	                   {"pads", INTS(1, 1)}, {"shape", INTS(2, 1, 9)}}},
	         {.in = {{DIMS(1, 1, 2, 3, 2)}, {DIMS(1, 1, 2, 3, 2), DT_U8, 0, 7}},
	          .attr = {{"kernel_shape", INTS(2, 2, 2)},
	                   {"shape", INTS(1, 1, 3, 4, 3)}}}),
};

/* AveragePoolGrad(dy): dx of `shape`; each dy is spread evenly over the
 * elements of its window. The other attributes are AveragePool's. */
#include "ir/op.h"

#include "ir/pool.h"

enum { SHAPE = AVERAGE_NATTRS };

static bool infer(Unit *u, Node *n)
{
	return pool_grad_infer(u, n, SHAPE);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *dy = n->in[0], *dx = n->out[0];
	Window w = window_of(n, dx->shape, NULL);
	int loop[2 + MAX_SPATIAL], cell[MAX_SPATIAL];
	Index at[MAX_RANK];
	pool_for_gradient(k, dx, dy, loop);
	Expr *count = pool_count(k, n, &w, loop, dx->shape, dy->shape);
	int part = k_var(k, k_div(k, k_load(k, dy, loop), count));
	window_for_cells(k, &w, cell);
	window_index(&w, loop[0], loop[1], loop + 2, cell, at);
	k_accumulate_padded(k, dx, at, k_get(k, part));
	k_end_n(k, w.rank);
	k_end_n(k, dy->shape.rank);
}

const OpDef op_AveragePoolGrad = {
	.name = "AveragePoolGrad", .min_in = 1, .max_in = 1,
	ATTRS(AVERAGE_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(2, 2, 2, 2)}},
	          .attr = {{"kernel_shape", INTS(2, 2)},
	                   {"strides", INTS(2, 2)}, {"shape", INTS(2, 2, 4, 4)}}},
	         {.in = {{DIMS(1, 2, 2, 6)}},
	          .attr = {{"kernel_shape", INTS(3, 2)}, {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 0, 1)},
	                   {"shape", INTS(1, 2, 5, 6)}}},
	         {.in = {{DIMS(2, 1, 4)}},
	          .attr = {{"kernel_shape", INTS(3)}, {"strides", INTS(3)},
	                   {"pads", INTS(1, 1)}, {"ceil_mode", 1},
	                   {"count_include_pad", 1}, {"shape", INTS(2, 1, 10)}}},
	         {.in = {{DIMS(1, 1, 2, 3, 2)}},
	          .attr = {{"kernel_shape", INTS(2, 2, 2)},
	                   {"shape", INTS(1, 1, 3, 4, 3)}}}),
};

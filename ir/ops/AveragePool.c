/*
 * AveragePool: the mean of each window, over the elements in it or, with
 * count_include_pad, over its padding too. What a window hangs over beyond the
 * padding (ceil_mode) is never counted.
 */
#include "ir/op.h"

#include "ir/pool.h"

static bool infer(Unit *u, Node *n)
{
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = (Shape){0};
	return pool_shape(u, n, n->in[0]->shape, &n->out[0]->shape);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	Window w = window_of(n, x->shape, NULL);
	int loop[2 + MAX_SPATIAL], cell[MAX_SPATIAL];
	Index at[MAX_RANK];
	k_for_shape(k, y->shape, loop);
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	window_for_cells(k, &w, cell);
	window_index(&w, loop[0], loop[1], loop + 2, cell, at);
	k_set(k, sum, k_add(k, k_get(k, sum), k_load_padded(k, x, at, 0)));
	k_end_n(k, w.rank);
	Expr *count = pool_count(k, n, &w, loop, x->shape, y->shape);
	k_store(k, y, loop, k_div(k, k_get(k, sum), count));
	k_end_n(k, y->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = pool_gradient(g, n, &op_AveragePoolGrad, 1,
	                      (Value *[]){dy[0]});
}

const OpDef op_AveragePool = {
	.name = "AveragePool", .since = 7, .min_in = 1, .max_in = 1,
	ATTRS(AVERAGE_ATTRS),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts_first,
	.bands = &bands_window,
	EXAMPLES({.in = {{DIMS(2, 2, 4, 4)}},
	          .attr = {{"kernel_shape", INTS(2, 2)},
	                   {"strides", INTS(2, 2)}}},
	         {.in = {{DIMS(1, 2, 5, 6)}},
	          .attr = {{"kernel_shape", INTS(3, 2)}, {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 0, 1)}}},
	         {.in = {{DIMS(1, 1, 6, 7)}},
	          .attr = {{"kernel_shape", INTS(3, 3)}, {"strides", INTS(2, 2)},
	                   {"pads", INTS(1, 1, 1, 1)}, {"ceil_mode", 1},
	                   {"count_include_pad", 1}}},
	         {.in = {{DIMS(1, 1, 6, 7)}},
	          .attr = {{"kernel_shape", INTS(3, 2)}, {"strides", INTS(2, 3)},
	                   {"pads", INTS(1, 1, 1, 1)}, {"ceil_mode", 1},
	                   {"dilations", INTS(1, 2)}}},
	         {.in = {{DIMS(2, 1, 9)}},
	          .attr = {{"kernel_shape", INTS(4)}, {"strides", INTS(3)},
	                   {"pads", INTS(2, 1)}}},
	         {.in = {{DIMS(1, 2, 3, 4, 3)}},
	          .attr = {{"kernel_shape", INTS(2, 2, 2)}}}),
};

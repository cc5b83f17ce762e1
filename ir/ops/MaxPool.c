/*
 * MaxPool: the largest element of each window. Of equal ones the first wins
 * and padding never does, as in PyTorch; a NaN is the largest.
 *
 * For the gradient the node gets a second output, thimble's own: the winner's
 * place in its window, counted in row-major order; a byte if that is enough.
 */
#include "ir/op.h"

#include "ir/pool.h"

static bool infer(Unit *u, Node *n)
{
	Shape y = {0};
	if (!best_type(u, n) || !pool_shape(u, n, n->in[0]->shape, &y))
		return false;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = y;
	if (n->nout > 1) {
		Window w = window_of(n, n->in[0]->shape, NULL);
		n->out[1]->dtype = best_place_type(window_cells(&w));
		n->out[1]->shape = y;
	}
	return true;
}

/* The first cell that is not padding. */
static Expr *first_place(Kernel *k, const Window *w, const int out[])
{
	Expr *place = k_typed(k, DT_I32, 0);
	for (int d = 0; d < w->rank; d++) {
		Expr *cells = k_typed(k, DT_I32, (double)w->cells[d]);
		place = k_add(k, k_mul(k, place, cells),
		              window_first_cell(k, w, d, out[d]));
	}
	return place;
}

static Index place_of(const Window *w, const int cell[])
{
	Index place = {0};
	for (int d = 0; d < w->rank; d++)
		place = k_sum(k_scaled(place, w->cells[d]), k_at(cell[d]));
	return place;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	Window w = window_of(n, x->shape, NULL);
	int loop[2 + MAX_SPATIAL], cell[MAX_SPATIAL];
	Index at[MAX_RANK];
	k_for_shape(k, y->shape, loop);
	Best best = best_start(k, x->dtype,
	                       n->nout > 1 ? first_place(k, &w, loop + 2) : NULL);
	window_for_cells(k, &w, cell);
	window_index(&w, loop[0], loop[1], loop + 2, cell, at);
	best_feed(k, &best, k_load_padded(k, x, at, best_least(x->dtype)),
	          place_of(&w, cell));
	k_end_n(k, w.rank);
	k_store(k, y, loop, k_get(k, best.value));
	if (n->nout > 1)
		k_store(k, n->out[1], loop, k_get(k, best.place));
	k_end_n(k, y->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Window w = window_of(n, n->in[0]->shape, NULL);
	if (n->nout == 1)
		node_add_output(g, n, best_place_type(window_cells(&w)),
		                n->out[0]->shape);
	dx[0] = pool_gradient(g, n, &op_MaxPoolGrad, 2,
	                      (Value *[]){dy[0], n->out[1]});
}

const OpDef op_MaxPool = {
	.name = "MaxPool", .since = 10, .min_in = 1, .max_in = 1,
	.min_out = 1, .max_out = 2,
	ATTRS(POOL_ATTRS),
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
	         {.nout = 2, .in = {{DIMS(1, 1, 6, 7)}},
	          .attr = {{"kernel_shape", INTS(2, 3)}, {"strides", INTS(2, 2)},
	                   {"pads", INTS(1, 1, 1, 1)}, {"ceil_mode", 1},
	                   {"dilations", INTS(1, 2)}}},
	         {.in = {{DIMS(2, 1, 9)}},
	          .attr = {{"kernel_shape", INTS(3)}, {"strides", INTS(2)},
	                   {"pads", INTS(1, 1)}}},
	         {.in = {{DIMS(1, 2, 3, 4, 3)}},
	          .attr = {{"kernel_shape", INTS(2, 2, 2)}}},
	         {.in = {{DIMS(1, 1, 17, 18)}},
	          .attr = {{"kernel_shape", INTS(17, 17)}}},
	         {.in = {{DIMS(1, 2, 4, 4), DT_I8, -128, 127}},
	          .attr = {{"kernel_shape", INTS(2, 2)},
	                   {"pads", INTS(1, 1, 0, 0)}}}),
};

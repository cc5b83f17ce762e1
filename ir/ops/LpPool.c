/*
 * LpPool: the p-norm of each window, (sum of |x|^p)^(1/p); padding is 0.
 * dx = dy sign(x) (|x| / y)^(p - 1), and 0 where y is 0: see LpPoolGrad.
 */
#include "ir/lp_pool.h"

static bool infer(Unit *u, Node *n)
{
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = (Shape){0};
	return lp_check(u, n) &&
	       pool_shape(u, n, n->in[0]->shape, &n->out[0]->shape);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	Window w = window_of(n, x->shape, NULL);
	int loop[2 + MAX_SPATIAL], cell[MAX_SPATIAL];
	int64_t p = attr_int(n, LP_P);
	Index at[MAX_RANK];
	k_for_shape(k, y->shape, loop);
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	window_for_cells(k, &w, cell);
	window_index(&w, loop[0], loop[1], loop + 2, cell, at);
	Expr *e = k_get(k, k_var(k, k_load_padded(k, x, at, 0)));
	k_set(k, sum, k_add(k, k_get(k, sum), lp_power(k, e, p)));
	k_end_n(k, w.rank);
	k_store(k, y, loop, lp_root(k, k_get(k, sum), p));
	k_end_n(k, y->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_LpPoolGrad, dy[0], n->in[0], n->out[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_LpPool = {
	.name = "LpPool", .since = 2, .min_in = 1, .max_in = 1,
	ATTRS(LP_ATTRS),
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
	                   {"pads", INTS(1, 0, 0, 1)}, {"p", 1}}},
	         {.in = {{DIMS(2, 1, 9)}},
	          .attr = {{"kernel_shape", INTS(4)}, {"strides", INTS(3)},
	                   {"dilations", INTS(2)}, {"ceil_mode", 1}, {"p", 3}}},
	         {.in = {{DIMS(1, 2, 3, 4, 3)}},
	          .attr = {{"kernel_shape", INTS(2, 2, 2)}}}),
};

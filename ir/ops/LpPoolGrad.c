/*
 * LpPoolGrad(dy, x, y): dx, to which each window adds
 * dy sign(x) (|x| / y)^(p - 1); nothing where y is 0.
 */
#include "ir/lp_pool.h"

enum { DY, X, Y };

static bool infer(Unit *u, Node *n)
{
	Shape want = {0};
	infer_like(n, 0, X);
	if (!lp_check(u, n) || !pool_shape(u, n, n->in[X]->shape, &want))
		return false;
	for (int i = DY; i <= Y; i += Y)
		if (!shape_equal(n->in[i]->shape, want)) {
			error_at(u, n->loc, "input %d is %s, expected %s", i,
			         shape_text(u->arena, n->in[i]->shape),
			         shape_text(u->arena, want));
			return false;
		}
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[X], *dx = n->out[0];
	Window w = window_of(n, x->shape, NULL);
	int loop[2 + MAX_SPATIAL], cell[MAX_SPATIAL];
	int64_t p = attr_int(n, LP_P);
	Index at[MAX_RANK];
	pool_for_gradient(k, dx, n->in[DY], loop);
	Expr *dy = k_get(k, k_var(k, k_load(k, n->in[DY], loop)));
	Expr *y = k_get(k, k_var(k, k_load(k, n->in[Y], loop)));
	window_for_cells(k, &w, cell);
	window_index(&w, loop[0], loop[1], loop + 2, cell, at);
	Expr *e = k_get(k, k_var(k, k_load_padded(k, x, at, 0)));
	k_accumulate_padded(k, dx, at, k_mul(k, dy, lp_slope(k, e, y, p)));
	k_end_n(k, w.rank);
	k_end_n(k, n->in[DY]->shape.rank);
}

const OpDef op_LpPoolGrad = {
	.name = "LpPoolGrad", .min_in = 3, .max_in = 3,
	ATTRS(LP_ATTRS),
	.infer = infer,
	.lower = lower,
	.parts = parts_all,
	EXAMPLES({.in = {{DIMS(2, 2, 2, 2)}, {DIMS(2, 2, 4, 4)},
	                 {DIMS(2, 2, 2, 2), .lo = 1, .hi = 2}},
	          .attr = {{"kernel_shape", INTS(2, 2)},
	                   {"strides", INTS(2, 2)}}},
	         {.in = {{DIMS(1, 2, 3)}, {DIMS(1, 2, 5)}, {DIMS(1, 2, 3)}},
	          .attr = {{"kernel_shape", INTS(3)}, {"p", 1}}},
	         {.in = {{DIMS(1, 2, 3)}, {DIMS(1, 2, 5)},
	                 {DIMS(1, 2, 3), .lo = 1, .hi = 2}},
	          .attr = {{"kernel_shape", INTS(3)}, {"p", 3}}}),
};

/*
 * SM3Update of w by the gradient g (Anil et al. 2019, "Memory-Efficient Adaptive
 * Optimization", SM3-II), with an accumulator a_d for each dimension d of w, of
 * its length, instead of one for each element. Of the element at i, j, ..
 *
 *   h = g + weight_decay w
 *   v = min over d of a_d[its index in d] + h^2
 *   w' = w - lr h / sqrt(v), where v is 0: w
 *   a_d'[i] = max of v over all elements with that index
 *
 * v is no less than the sum of squares that Adagrad keeps. Inputs w, g, a_0, ..
 * (one, [1], for a scalar), lr, weight_decay.
 */
#include "ir/update.h"

enum { W, G, FIRST };
enum { LR, DECAY, NSCALARS };   /* behind the accumulators */

static int accumulators(const Node *n)
{
	return n->nin - FIRST - NSCALARS;
}

static int64_t extent(const Node *n, int d)
{
	Shape s = n->in[W]->shape;
	return s.rank ? s.dim[d] : 1;
}

static bool infer(Unit *u, Node *n)
{
	Shape w = n->in[W]->shape;
	int most = w.rank ? w.rank : 1, count = accumulators(n);
	bool fits = count == most && n->nout == 1 + count &&
	            shape_equal(n->in[G]->shape, w);
	for (int d = 0; fits && d < count; d++)
		fits = n->in[FIRST + d] &&
		       shape_equal(n->in[FIRST + d]->shape,
		                   (Shape){1, {extent(n, d)}});
	if (!fits) {
		error_at(u, n->loc, "its gradient or its accumulators do not "
		         "fit %s", shape_text(u->arena, w));
		return false;
	}
	infer_like(n, 0, W);
	for (int d = 0; d < count; d++)
		infer_like(n, 1 + d, FIRST + d);
	return true;
}

static Expr *scalar_input(Kernel *k, const Node *n, int which)
{
	const Value *v = n->in[n->nin - NSCALARS + which];
	return update_bind(k, k_load_flat(k, v, k_const(0)));
}

/* v of the element. */
static Expr *accumulated(Kernel *k, const Node *n, const int loop[], Expr *h)
{
	Expr *least = k_load(k, n->in[FIRST], &loop[0]);
	for (int d = 1; d < accumulators(n); d++)
		least = k_min(k, least, k_load(k, n->in[FIRST + d], &loop[d]));
	return update_bind(k, k_add(k, least, k_mul(k, h, h)));
}

static void update_element(Kernel *k, const Node *n, const int loop[], Index at,
                           Expr *lr, Expr *decay)
{
	Expr *w = k_load_flat(k, n->in[W], at), *zero = k_num(k, 0);
	Expr *h = k_add(k, k_load_flat(k, n->in[G], at), k_mul(k, decay, w));
	h = update_bind(k, h);
	Expr *v = accumulated(k, n, loop, h);
	for (int d = 0; d < accumulators(n); d++) {
		const Value *a = n->out[1 + d];
		k_store(k, a, &loop[d], k_max(k, k_load(k, a, &loop[d]), v));
	}
	Expr *by = k_mul(k, lr, k_div(k, h, k_sqrt(k, v)));
	by = k_sel(k, k_gt(k, v, zero), by, zero);
	k_store_flat(k, n->out[0], at, k_sub(k, w, by));
}

static void lower(Kernel *k, const Node *n)
{
	Expr *lr = scalar_input(k, n, LR), *decay = scalar_input(k, n, DECAY);
	Shape w = n->in[W]->shape;
	int loop[MAX_RANK] = {0};
	Index at = k_const(0);
	for (int d = 0; d < accumulators(n); d++)
		k_fill(k, n->out[1 + d], 0);
	if (!w.rank)
		w = (Shape){1, {1}};
	k_for_shape(k, w, loop);
	for (int d = 0; d < w.rank; d++)
		at = k_sum(k_scaled(at, w.dim[d]), k_at(loop[d]));
	update_element(k, n, loop, at, lr, decay);
	k_end_n(k, w.rank);
}

#define SQUARES(...) {DIMS(__VA_ARGS__), .lo = 0, .hi = 1}

const OpDef op_SM3Update = {
	.name = "SM3Update", .min_in = FIRST + 1 + NSCALARS,
	.max_in = FIRST + MAX_RANK + NSCALARS,
	.min_out = 2, .max_out = 1 + MAX_RANK,
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nin = 6, .nout = 3,
	          .in = {{DIMS(3, 5)}, {DIMS(3, 5)}, SQUARES(3), SQUARES(5),
	                 HYPER, HYPER}},
	         {.nin = 7, .nout = 4,
	          .in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4)}, SQUARES(2),
	                 SQUARES(3), SQUARES(4), HYPER, HYPER}},
	         {.nin = 5, .nout = 2,
	          .in = {{{0}}, {{0}}, SQUARES(1), HYPER, HYPER}}),
};

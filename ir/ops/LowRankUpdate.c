/*
 * LowRankUpdate: a product of two thin matrices, added to a parameter:
 *
 *   w' = keep w + u^T v     w [m, n] or what has its elements, u [r, m], v [r, n]
 *
 * keep is a scalar (1 - lr weight_decay); absent: 1. w' may be written over w:
 * no element is needed for another. No matrix but w is as large as w.
 */
#include "ir/op.h"

enum { W, U, V, KEEP };

static bool infer(Unit *unit, Node *n)
{
	Shape w = n->in[W]->shape, u = n->in[U]->shape, v = n->in[V]->shape;
	if (u.rank != 2 || v.rank != 2 || u.dim[0] != v.dim[0] ||
	    u.dim[1] * v.dim[1] != numel(w)) {
		error_at(unit, n->loc, "factors %s and %s do not fit %s",
		         shape_text(unit->arena, u), shape_text(unit->arena, v),
		         shape_text(unit->arena, w));
		return false;
	}
	return infer_like(n, 0, W);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *w = n->in[W], *u = n->in[U], *v = n->in[V];
	int64_t r = u->shape.dim[0], rows = u->shape.dim[1];
	int64_t columns = v->shape.dim[1];
	Expr *keep = n->nin > KEEP && n->in[KEEP]
	             ? k_load_flat(k, n->in[KEEP], k_const(0)) : NULL;
	if (keep)
		keep = k_get(k, k_var(k, keep));
	int i = k_for(k, rows), j = k_for(k, columns);
	Index at = k_sum(k_scaled(k_at(i), columns), k_at(j));
	Expr *old = k_load_flat(k, w, at);
	int sum = k_var(k, keep ? k_mul(k, keep, old) : old);
	int p = k_for(k, r);
	Index pu = k_sum(k_scaled(k_at(p), rows), k_at(i));
	Index pv = k_sum(k_scaled(k_at(p), columns), k_at(j));
	k_set(k, sum, k_add(k, k_get(k, sum),
	                    k_mul(k, k_load_flat(k, u, pu),
	                          k_load_flat(k, v, pv))));
	k_end(k);
	k_store_flat(k, n->out[0], at, k_get(k, sum));
	k_end_n(k, 2);
}

const OpDef op_LowRankUpdate = {
	.name = "LowRankUpdate", .min_in = 3, .max_in = 4,
	.infer = infer,
	.lower = lower,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(2, 3)}, {DIMS(2, 5)}}},
	         {.nin = 4,
	          .in = {{DIMS(4, 2, 3)}, {DIMS(1, 4)}, {DIMS(1, 6)}, {{0}}}},
	         {.in = {{DIMS(1, 4, 3)}, {DIMS(2, 4)}, {DIMS(2, 3)}}},
	         {.nin = 4,
	          .in = {{DIMS(7, 9)}, {DIMS(4, 7)}, {DIMS(4, 9)}, {{0}}}}),
};

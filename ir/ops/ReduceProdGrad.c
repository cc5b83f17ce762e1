/*
 * ReduceProdGrad(x, dy): dx = dy times the product of the other x, for dy with 1
 * in place of the reduced axes. Of p, the product of those that are not 0, that
 * is p / x where no x is 0; p for x = 0 where it is the only one; else 0.
 */
#include "ir/reduce.h"

static bool infer(Unit *u, Node *n)
{
	Shape kept = reduce_kept(n);
	if (shape_equal(kept, n->in[1]->shape))
		return infer_like(n, 0, 0);
	error_at(u, n->loc, "dy has shape %s, expected %s",
	         shape_text(u->arena, n->in[1]->shape),
	         shape_text(u->arena, kept));
	return false;
}

static Expr *slope(Kernel *k, Expr *x, int product, int zeros)
{
	Expr *zero = k_num(k, 0), *p = k_get(k, product);
	Expr *none = k_eq(k, k_get(k, zeros), k_typed(k, DT_I32, 0));
	Expr *one = k_eq(k, k_get(k, zeros), k_typed(k, DT_I32, 1));
	Expr *is_zero = k_get(k, k_var(k, k_eq(k, x, zero)));
	Expr *only = k_sel(k, k_and(k, one, is_zero), p, zero);
	return k_sel(k, none, k_div(k, p, x), only);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0];
	DType type = compute_type(x->dtype);
	ReduceLoops l;
	reduce_open_kept(k, n, &l);
	int product = k_var(k, k_typed(k, type, 1));
	int zeros = k_var(k, k_typed(k, DT_I32, 0));
	reduce_open_reduced(k, n, &l);
	Expr *e = k_get(k, k_var(k, k_load(k, x, l.loop)));
	Expr *is_zero = k_get(k, k_var(k, k_eq(k, e, k_num(k, 0))));
	k_set(k, zeros, k_add(k, k_get(k, zeros), is_zero));
	k_set(k, product, k_mul(k, k_get(k, product),
	                        k_sel(k, is_zero, k_typed(k, type, 1), e)));
	k_end_n(k, l.nreduced);
	int dy = k_var(k, k_load_flat(k, n->in[1], reduce_output_at(n, &l)));
	reduce_open_reduced(k, n, &l);
	e = k_get(k, k_var(k, k_load(k, x, l.loop)));
	k_store(k, n->out[0], l.loop,
	        k_mul(k, k_get(k, dy), slope(k, e, product, zeros)));
	k_end_n(k, l.nreduced);
	k_end_n(k, l.nkept);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return part[0] && part[1] && reduce_parts_kept(n, part, out);
}

const OpDef op_ReduceProdGrad = {
	.name = "ReduceProdGrad", .min_in = 2, .max_in = 2,
	REDUCE_ATTRS,
	.infer = infer,
	.lower = lower,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(1, 1)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 1, 4)}},
	          .attr = {{"axes", INTS(1)}}},
	         {.in = {{DIMS(4, 2), .lo = 0, .hi = 0.001}, {DIMS(4, 1)}},
	          .attr = {{"axes", INTS(-1)}}}),
};

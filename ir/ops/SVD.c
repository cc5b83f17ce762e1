/*
 * SVD of a small matrix: c [k, k] = left^T diag(values) right, values in descending
 * order, the rows of left and right orthonormal.
 *
 * One-sided Jacobi (Hestenes 1958): rows of c are turned in pairs until all are
 * orthogonal; their lengths are the values, and what turned them is left. So many
 * sweeps over all pairs as small matrices need. A value that is 1e-6 of the largest
 * or less counts as 0, and its row of right is 0.
 */
#include "ir/op.h"

enum { LEFT, VALUES, RIGHT };
enum { SWEEPS = 6 };

static bool infer(Unit *u, Node *n)
{
	Shape c = n->in[0]->shape;
	if (c.rank != 2 || c.dim[0] != c.dim[1] || n->nout != 3) {
		error_at(u, n->loc, "%s is not square",
		         shape_text(u->arena, c));
		return false;
	}
	infer_like(n, LEFT, 0);
	infer_like(n, RIGHT, 0);
	infer_like(n, VALUES, 0);
	n->out[VALUES]->shape = (Shape){1, {c.dim[0]}};
	return true;
}

typedef struct Svd {
	Kernel *k;
	const Value *left, *values, *right;
	int64_t n;
} Svd;

static Expr *bind(const Svd *s, Expr *x)
{
	return k_get(s->k, k_var(s->k, x));
}

static Index cell(const Svd *s, Index row, int column)
{
	return k_sum(k_scaled(row, s->n), k_at(column));
}

static Expr *load(const Svd *s, const Value *v, Index row, int column)
{
	return k_load_flat(s->k, v, cell(s, row, column));
}

/* The product of two rows of right. */
static Expr *dot(const Svd *s, Index i, Index j)
{
	Kernel *k = s->k;
	int sum = k_var(k, k_typed(k, compute_type(s->right->dtype), 0));
	int c = k_for(k, s->n);
	k_set(k, sum, k_add(k, k_get(k, sum),
	                    k_mul(k, load(s, s->right, i, c),
	                          load(s, s->right, j, c))));
	k_end(k);
	return k_get(k, sum);
}

/* ---- rotations ---- */

typedef struct Rotation {
	Expr *cosine, *sine;
} Rotation;

/* That makes rows p and q orthogonal; none where they are, or where q is not
 * behind p. */
static Rotation rotation(const Svd *s, int p, int q)
{
	Kernel *k = s->k;
	Expr *one = k_num(k, 1), *zero = k_num(k, 0);
	Expr *a = dot(s, k_at(p), k_at(p)), *b = dot(s, k_at(q), k_at(q));
	Expr *g = dot(s, k_at(p), k_at(q));
	Expr *small = k_mul(k, k_num(k, 1e-14), k_mul(k, a, b));
	Expr *skew = k_gt(k, k_mul(k, g, g), small);
	Expr *before = k_lt(k, k_index(k, k_at(p)), k_index(k, k_at(q)));
	Expr *turns = bind(s, k_and(k, skew, before));
	Expr *twice = k_sel(k, turns, k_mul(k, k_num(k, 2), g), one);
	Expr *zeta = bind(s, k_div(k, k_sub(k, b, a), twice));
	Expr *root = k_sqrt(k, k_add(k, one, k_mul(k, zeta, zeta)));
	Expr *size = k_div(k, one, k_add(k, k_abs(k, zeta), root));
	Expr *t = bind(s, k_sel(k, k_lt(k, zeta, zero), k_neg(k, size), size));
	Expr *c = k_div(k, one, k_sqrt(k, k_add(k, one, k_mul(k, t, t))));
	c = bind(s, k_sel(k, turns, c, one));
	return (Rotation){c, bind(s, k_sel(k, turns, k_mul(k, c, t), zero))};
}

static void rotate(const Svd *s, const Value *v, int p, int q, Rotation r)
{
	Kernel *k = s->k;
	int c = k_for(k, s->n);
	Expr *x = bind(s, load(s, v, k_at(p), c));
	Expr *y = bind(s, load(s, v, k_at(q), c));
	k_store_flat(k, v, cell(s, k_at(p), c),
	             k_sub(k, k_mul(k, r.cosine, x), k_mul(k, r.sine, y)));
	k_store_flat(k, v, cell(s, k_at(q), c),
	             k_add(k, k_mul(k, r.sine, x), k_mul(k, r.cosine, y)));
	k_end(k);
}

static void sweep(const Svd *s)
{
	int p = k_for(s->k, s->n), q = k_for(s->k, s->n);
	Rotation r = rotation(s, p, q);
	rotate(s, s->right, p, q, r);
	rotate(s, s->left, p, q, r);
	k_end_n(s->k, 2);
}

/* ---- the order ---- */

static void swap_rows(const Svd *s, const Value *v, int i, int other)
{
	Kernel *k = s->k;
	int c = k_for(k, s->n);
	Index from[2] = {k_indirect(other), k_at(c)};
	Expr *x = bind(s, load(s, v, k_at(i), c));
	Expr *y = bind(s, k_load_padded(k, v, from, 0));
	k_store_flat(k, v, cell(s, k_at(i), c), y);
	k_store_padded(k, v, from, x);
	k_end(k);
}

/* The longest row from i on comes to i. */
static void select_row(const Svd *s, int i)
{
	Kernel *k = s->k;
	Expr *none = k_typed(k, compute_type(s->right->dtype), -1);
	int best = k_var(k, k_index(k, k_at(i))), most = k_var(k, none);
	int j = k_for(k, s->n);
	Expr *x = bind(s, k_load_flat(k, s->values, k_at(j)));
	Expr *ahead = k_ge(k, k_index(k, k_at(j)), k_index(k, k_at(i)));
	Expr *more = bind(s, k_and(k, ahead, k_gt(k, x, k_get(k, most))));
	k_set(k, best, k_sel(k, more, k_index(k, k_at(j)), k_get(k, best)));
	k_set(k, most, k_sel(k, more, x, k_get(k, most)));
	k_end(k);
	swap_rows(s, s->left, i, best);
	swap_rows(s, s->right, i, best);
	Index from[1] = {k_indirect(best)};
	Expr *old = bind(s, k_load_flat(k, s->values, k_at(i)));
	k_store_flat(k, s->values, k_at(i), k_get(k, most));
	k_store_padded(k, s->values, from, old);
}

static void normalise(const Svd *s)
{
	Kernel *k = s->k;
	Expr *zero = k_num(k, 0), *one = k_num(k, 1);
	Expr *least = k_mul(k, k_num(k, 1e-6),
	                    k_load_flat(k, s->values, k_const(0)));
	least = bind(s, least);
	int i = k_for(k, s->n);
	Expr *x = bind(s, k_load_flat(k, s->values, k_at(i)));
	Expr *counts = bind(s, k_gt(k, x, least));
	Expr *by = bind(s, k_sel(k, counts, k_div(k, one, x), zero));
	k_store_flat(k, s->values, k_at(i), k_sel(k, counts, x, zero));
	int c = k_for(k, s->n);
	k_store_flat(k, s->right, cell(s, k_at(i), c),
	             k_mul(k, by, load(s, s->right, k_at(i), c)));
	k_end_n(k, 2);
}

static void begin(const Svd *s, const Value *c)
{
	Kernel *k = s->k;
	int i = k_for(k, s->n), j = k_for(k, s->n);
	Expr *same = k_eq(k, k_index(k, k_at(i)), k_index(k, k_at(j)));
	k_store_flat(k, s->right, cell(s, k_at(i), j), load(s, c, k_at(i), j));
	k_store_flat(k, s->left, cell(s, k_at(i), j),
	             k_cast(k, compute_type(c->dtype), same));
	k_end_n(k, 2);
}

static void lower(Kernel *k, const Node *n)
{
	Svd s = {k, n->out[LEFT], n->out[VALUES], n->out[RIGHT],
	         n->in[0]->shape.dim[0]};
	begin(&s, n->in[0]);
	k_for(k, SWEEPS);
	sweep(&s);
	k_end(k);
	int i = k_for(k, s.n);
	Expr *square = dot(&s, k_at(i), k_at(i));
	k_store_flat(k, s.values, k_at(i), k_sqrt(k, square));
	k_end(k);
	i = k_for(k, s.n);
	select_row(&s, i);
	k_end(k);
	normalise(&s);
}

const OpDef op_SVD = {
	.name = "SVD", .min_in = 1, .max_in = 1, .min_out = 3, .max_out = 3,
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nout = 3, .in = {{DIMS(4, 4)}}},
	         {.nout = 3, .in = {{DIMS(1, 1)}}},
	         {.nout = 3, .in = {{DIMS(7, 7)}}}),
};

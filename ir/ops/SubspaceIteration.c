/*
 * SubspaceIteration: one step of the block power method from an orthonormal
 * basis b [r, n] towards the row space of a matrix, of whose product with the
 * current estimate y [r, n] is given:
 *
 *   c_i = (1 - rate) b_i + rate y_i / |y_i|,   b' = the rows c, orthonormal
 *
 * by Gram-Schmidt, in their order, each row twice, which is enough for
 * orthogonality to rounding (Giraud, Langou, Rozloznik 2005, "The loss of
 * orthogonality in the Gram-Schmidt process"). With rate 1 it is the power
 * method itself; less of it averages over steps, as Oja's rule does, so that
 * gradients of one sample, whose rank is 1, leave a basis of rank r. A y_i that
 * is 0 moves nothing; a row that depends on those before becomes 0.
 */
#include "ir/op.h"

enum { BASIS, PRODUCT };
enum { RATE };

static bool infer(Unit *u, Node *n)
{
	Shape b = n->in[BASIS]->shape;
	if (b.rank != 2 || !shape_equal(b, n->in[PRODUCT]->shape)) {
		error_at(u, n->loc, "basis %s and product %s are no matrices "
		         "of one shape", shape_text(u->arena, b),
		         shape_text(u->arena, n->in[PRODUCT]->shape));
		return false;
	}
	return infer_like(n, 0, BASIS);
}

/* A row, by a loop or by number. */
static Index cell(const Value *v, Index row, int column)
{
	return k_sum(k_scaled(row, v->shape.dim[1]), k_at(column));
}

/* The dot product of two rows, in a variable. */
static Expr *dot(Kernel *k, const Value *x, Index i, const Value *y, Index j)
{
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	int c = k_for(k, x->shape.dim[1]);
	k_set(k, sum, k_add(k, k_get(k, sum),
	                    k_mul(k, k_load_flat(k, x, cell(x, i, c)),
	                          k_load_flat(k, y, cell(y, j, c)))));
	k_end(k);
	return k_get(k, sum);
}

/* 1 / sqrt(x), or 0 where there is nothing to divide. */
static Expr *inverse(Kernel *k, Expr *x, double tiny)
{
	Expr *some = k_gt(k, x, k_num(k, tiny));
	Expr *root = k_div(k, k_num(k, 1), k_sqrt(k, x));
	return k_get(k, k_var(k, k_sel(k, some, root, k_num(k, 0))));
}

static void mix_rows(Kernel *k, const Node *n)
{
	const Value *b = n->in[BASIS], *y = n->in[PRODUCT];
	double rate = attr_float(n, RATE);
	int i = k_for(k, b->shape.dim[0]);
	Expr *square = dot(k, y, k_at(i), y, k_at(i));
	Expr *weight = k_mul(k, inverse(k, square, 1e-30), k_num(k, rate));
	Expr *moves = k_get(k, k_var(k, weight));
	/* Without a direction the row stays, whatever the rate. */
	Expr *still = k_eq(k, moves, k_num(k, 0));
	Expr *keep = k_get(k, k_var(k, k_sel(k, still, k_num(k, 1),
	                                     k_num(k, 1 - rate))));
	int c = k_for(k, b->shape.dim[1]);
	Expr *old = k_mul(k, keep, k_load_flat(k, b, cell(b, k_at(i), c)));
	Expr *new = k_mul(k, moves, k_load_flat(k, y, cell(y, k_at(i), c)));
	k_store_flat(k, n->out[0], cell(b, k_at(i), c), k_add(k, old, new));
	k_end_n(k, 2);
}

/* q_i less what it has of the rows before it. Of those behind it counts nothing:
 * loops over all of them are short, loops of each length would be many. */
static void clear_row(Kernel *k, const Value *q, int i)
{
	int j = k_for(k, q->shape.dim[0]);
	Expr *before = k_lt(k, k_index(k, k_at(j)), k_index(k, k_at(i)));
	before = k_get(k, k_var(k, before));
	Expr *part = k_sel(k, before, dot(k, q, k_at(i), q, k_at(j)),
	                   k_num(k, 0));
	part = k_get(k, k_var(k, part));
	int c = k_for(k, q->shape.dim[1]);
	Expr *x = k_load_flat(k, q, cell(q, k_at(i), c));
	Expr *of = k_mul(k, part, k_load_flat(k, q, cell(q, k_at(j), c)));
	k_store_flat(k, q, cell(q, k_at(i), c), k_sub(k, x, of));
	k_end_n(k, 2);
}

static void normalise(Kernel *k, const Value *q, int i)
{
	Expr *by = inverse(k, dot(k, q, k_at(i), q, k_at(i)), 1e-12);
	int c = k_for(k, q->shape.dim[1]);
	Index at = cell(q, k_at(i), c);
	k_store_flat(k, q, at, k_mul(k, by, k_load_flat(k, q, at)));
	k_end(k);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *q = n->out[0];
	mix_rows(k, n);
	int i = k_for(k, q->shape.dim[0]);
	clear_row(k, q, i);
	clear_row(k, q, i);
	normalise(k, q, i);
	k_end(k);
}

const OpDef op_SubspaceIteration = {
	.name = "SubspaceIteration", .min_in = 2, .max_in = 2,
	ATTRS([RATE] = {"rate", ATTR_FLOAT, true, .f = 1}),
	.infer = infer,
	.lower = lower,
	EXAMPLES({.in = {{DIMS(3, 7)}, {DIMS(3, 7)}}},
	         {.in = {{DIMS(2, 5)}, {DIMS(2, 5)}},
	          .attr = {{"rate", .f = 0.25}}},
	         {.in = {{DIMS(1, 4)}, {DIMS(1, 4)}}}),
};

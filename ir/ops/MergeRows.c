/*
 * MergeRows(dy, indices): the rows of a gradient of a table, of which the
 * attribute says how many it has, without the table:
 *
 *   rows[t]     the row that index t names, if it is the first to do so; else a
 *               negative number
 *   merged[t]   the sum of dy[s] over all s that name that row; else 0
 *
 * so that what is done for a row is done once. An index counts from the end if it
 * is negative; one that is out of range names none.
 */
#include "ir/gather.h"

enum { DY, INDICES };
enum { ROWS };

static int64_t tokens(const Node *n)
{
	return numel(n->in[INDICES]->shape);
}

static bool infer(Unit *u, Node *n)
{
	Shape dy = n->in[DY]->shape, i = n->in[INDICES]->shape;
	if (dy.rank != i.rank + 1 || numel(dy) != tokens(n) *
	    dy.dim[dy.rank - 1] || n->nout != 2) {
		error_at(u, n->loc, "indices %s do not fit rows of %s",
		         shape_text(u->arena, i), shape_text(u->arena, dy));
		return false;
	}
	n->out[0]->dtype = n->in[DY]->dtype;
	n->out[0]->shape = (Shape){2, {tokens(n), dy.dim[dy.rank - 1]}};
	n->out[1]->dtype = DT_I32;
	n->out[1]->shape = (Shape){1, {tokens(n)}};
	return true;
}

/* The row that index t names; -1: none. */
static Expr *index_at(Kernel *k, const Node *n, int t)
{
	int64_t rows = attr_int(n, ROWS);
	Expr *x = k_load_flat(k, n->in[INDICES], k_at(t));
	x = k_get(k, gather_index(k, x, rows));
	Expr *inside = k_and(k, k_ge(k, x, k_typed(k, x->type, 0)),
	                     k_lt(k, x, k_typed(k, x->type, (double)rows)));
	return k_get(k, k_var(k, k_sel(k, inside, k_cast(k, DT_I32, x),
	                               k_typed(k, DT_I32, -1))));
}

/* rows[t]; of one that is not the first, -2 less the first. */
static void find_rows(Kernel *k, const Node *n)
{
	int t = k_for(k, tokens(n));
	Expr *row = index_at(k, n, t), *self = k_index(k, k_at(t));
	int first = k_var(k, self);
	int s = k_for(k, tokens(n));
	Expr *same = k_eq(k, index_at(k, n, s), row);
	Expr *least = k_min(k, k_get(k, first), k_index(k, k_at(s)));
	k_set(k, first, k_sel(k, same, least, k_get(k, first)));
	k_end(k);
	Expr *other = k_sub(k, k_typed(k, DT_I32, -2), k_get(k, first));
	k_store_flat(k, n->out[1], k_at(t),
	             k_sel(k, k_eq(k, k_get(k, first), self), row, other));
	k_end(k);
}

static void add_rows(Kernel *k, const Node *n)
{
	Index at[2];
	int64_t d = n->out[0]->shape.dim[1];
	k_fill(k, n->out[0], 0);
	int t = k_for(k, tokens(n));
	Expr *row = k_get(k, k_var(k, k_load_flat(k, n->out[1], k_at(t))));
	Expr *first = k_sub(k, k_typed(k, DT_I32, -2), row);
	Expr *is = k_ge(k, row, k_typed(k, DT_I32, -1));
	at[0] = k_indirect(k_var(k, k_sel(k, is, k_index(k, k_at(t)), first)));
	int c = k_for(k, d);
	at[1] = k_at(c);
	Index from = k_sum(k_scaled(k_at(t), d), k_at(c));
	k_accumulate_padded(k, n->out[0], at, k_load_flat(k, n->in[DY], from));
	k_end_n(k, 2);
}

static void lower(Kernel *k, const Node *n)
{
	find_rows(k, n);
	add_rows(k, n);
}

const OpDef op_MergeRows = {
	.name = "MergeRows", .min_in = 2, .max_in = 2,
	.min_out = 2, .max_out = 2,
	ATTRS([ROWS] = {"rows", ATTR_INT}),
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nout = 2,
	          .in = {{DIMS(6, 3)}, {DIMS(6), DT_I32, -4, 4}},
	          .attr = {{"rows", 4}}},
	         {.nout = 2,
	          .in = {{DIMS(2, 4, 2)}, {DIMS(2, 4), DT_I64, -3, 5}},
	          .attr = {{"rows", 5}}}),
};

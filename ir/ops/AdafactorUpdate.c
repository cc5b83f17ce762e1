/*
 * AdafactorUpdate of w by the gradient g (Shazeer, Stern 2018, "Adafactor:
 * Adaptive Learning Rates with Sublinear Memory Cost"), without momentum, without
 * relative step sizes. As a matrix [m, n] of the first dimension against all
 * others, with the means of squares by row and by column:
 *
 *   beta = 1 - step^decay_rate
 *   row' = beta row + (1 - beta) mean over the columns of (g^2 + eps)
 *   col' = beta col + (1 - beta) mean over the rows of (g^2 + eps)
 *   u = g / sqrt(row' col' / mean of row')
 *   w' = w (1 - lr weight_decay) - lr u / max(1, rms(u) / clip_threshold)
 *
 * Without col, row has w's elements: row' is of single squares, u = g / sqrt(row').
 * Inputs w, g, row [m], col [n] (optional), lr, clip_threshold, decay_rate, eps,
 * weight_decay, step. Outputs w', row', col'.
 */
#include "ir/update.h"

enum { W, G, ROW, COL, LR, CLIP, RATE, EPS, DECAY, STEP, NINPUTS };
enum { NEW_W, NEW_ROW, NEW_COL };

static int64_t columns(const Node *n)
{
	return n->in[COL] ? numel(n->in[COL]->shape) : 1;
}

static int64_t rows(const Node *n)
{
	return numel(n->in[ROW]->shape);
}

static bool infer(Unit *u, Node *n)
{
	Shape w = n->in[W]->shape;
	bool fits = n->nin == NINPUTS && n->nout == (n->in[COL] ? 3 : 2) &&
	            shape_equal(n->in[G]->shape, w) &&
	            rows(n) * columns(n) == numel(w);
	if (!fits) {
		error_at(u, n->loc, "its gradient or its squares do not fit %s",
		         shape_text(u->arena, w));
		return false;
	}
	infer_like(n, NEW_W, W);
	infer_like(n, NEW_ROW, ROW);
	if (n->in[COL])
		infer_like(n, NEW_COL, COL);
	return true;
}

typedef struct Adafactor {
	Expr *lr, *clip, *eps, *stays, *beta, *rest;   /* rest: 1 - beta */
	int64_t m, n;
	const Value *g, *row, *col;                    /* row', col' */
	Expr *mean;                                    /* of row' */
} Adafactor;

static Expr *scalar_input(Kernel *k, const Node *n, int i)
{
	Expr *x = k_load_flat(k, n->in[i], k_const(0));
	return update_bind(k, k_cast(k, compute_type(n->in[W]->dtype), x));
}

static Adafactor adafactor(Kernel *k, const Node *n)
{
	Adafactor a = {
		.lr = scalar_input(k, n, LR), .clip = scalar_input(k, n, CLIP),
		.eps = scalar_input(k, n, EPS), .m = rows(n), .n = columns(n),
		.g = n->in[G], .row = n->out[NEW_ROW],
		.col = n->in[COL] ? n->out[NEW_COL] : NULL,
	};
	Expr *one = k_num(k, 1);
	Expr *lost = k_mul(k, a.lr, scalar_input(k, n, DECAY));
	a.stays = update_bind(k, k_sub(k, one, lost));
	a.rest = update_bind(k, k_pow(k, scalar_input(k, n, STEP),
	                              scalar_input(k, n, RATE)));
	a.beta = update_bind(k, k_sub(k, one, a.rest));
	return a;
}

static Index cell(const Adafactor *a, int i, int j)
{
	return k_sum(k_scaled(k_at(i), a->n), k_at(j));
}

static Expr *square(Kernel *k, const Adafactor *a, int i, int j)
{
	Expr *g = update_bind(k, k_load_flat(k, a->g, cell(a, i, j)));
	return k_add(k, k_mul(k, g, g), a->eps);
}

static int zero(Kernel *k, const Adafactor *a)
{
	return k_var(k, k_typed(k, compute_type(a->g->dtype), 0));
}

static void add_to(Kernel *k, int sum, Expr *x)
{
	k_set(k, sum, k_add(k, k_get(k, sum), x));
}

/* Also their mean. */
static void average_rows(Kernel *k, const Node *n, Adafactor *a)
{
	int total = zero(k, a), i = k_for(k, a->m), sum = zero(k, a);
	int j = k_for(k, a->n);
	add_to(k, sum, square(k, a, i, j));
	k_end(k);
	Expr *mean = k_div(k, k_get(k, sum), k_num(k, (double)a->n));
	Expr *old = k_load_flat(k, n->in[ROW], k_at(i));
	Expr *new = k_add(k, k_mul(k, a->beta, old), k_mul(k, a->rest, mean));
	new = update_bind(k, new);
	k_store_flat(k, a->row, k_at(i), new);
	add_to(k, total, new);
	k_end(k);
	a->mean = update_bind(k, k_div(k, k_get(k, total),
	                               k_num(k, (double)a->m)));
}

/* Row by row, as the gradient lies. */
static void average_columns(Kernel *k, const Node *n, const Adafactor *a)
{
	int j = k_for(k, a->n);
	Expr *old = k_load_flat(k, n->in[COL], k_at(j));
	k_store_flat(k, a->col, k_at(j), k_mul(k, a->beta, old));
	k_end(k);
	Expr *part = update_bind(k, k_div(k, a->rest,
	                                  k_num(k, (double)a->m)));
	int i = k_for(k, a->m);
	j = k_for(k, a->n);
	Expr *was = k_load_flat(k, a->col, k_at(j));
	Expr *more = k_mul(k, part, square(k, a, i, j));
	k_store_flat(k, a->col, k_at(j), k_add(k, was, more));
	k_end_n(k, 2);
}

/* What the row's elements are divided by, the column's part aside. */
static Expr *row_root(Kernel *k, const Adafactor *a, int i)
{
	Expr *x = k_load_flat(k, a->row, k_at(i));
	if (a->col)
		x = k_div(k, x, a->mean);
	return update_bind(k, k_sqrt(k, x));
}

static Expr *scaled(Kernel *k, const Adafactor *a, int i, int j, Expr *root)
{
	Expr *u = k_div(k, k_load_flat(k, a->g, cell(a, i, j)), root);
	if (a->col)
		u = k_div(k, u, k_sqrt(k, k_load_flat(k, a->col, k_at(j))));
	return update_bind(k, u);
}

/* lr / max(1, rms(u) / clip_threshold) */
static Expr *step_size(Kernel *k, const Adafactor *a)
{
	int sum = zero(k, a), i = k_for(k, a->m);
	Expr *root = row_root(k, a, i);
	int j = k_for(k, a->n);
	Expr *u = scaled(k, a, i, j, root);
	add_to(k, sum, k_mul(k, u, u));
	k_end_n(k, 2);
	Expr *mean = k_div(k, k_get(k, sum), k_num(k, (double)(a->m * a->n)));
	Expr *over = k_div(k, k_sqrt(k, mean), a->clip);
	return update_bind(k, k_div(k, a->lr, k_max(k, k_num(k, 1), over)));
}

static void lower(Kernel *k, const Node *n)
{
	Adafactor a = adafactor(k, n);
	average_rows(k, n, &a);
	if (a.col)
		average_columns(k, n, &a);
	Expr *size = step_size(k, &a);
	int i = k_for(k, a.m);
	Expr *root = row_root(k, &a, i);
	int j = k_for(k, a.n);
	Expr *u = scaled(k, &a, i, j, root);
	Expr *w = k_mul(k, a.stays, k_load_flat(k, n->in[W], cell(&a, i, j)));
	k_store_flat(k, n->out[NEW_W], cell(&a, i, j),
	             k_sub(k, w, k_mul(k, size, u)));
	k_end_n(k, 2);
}

#define SQUARES(...) {DIMS(__VA_ARGS__), .lo = 0.1, .hi = 1}
#define SCALARS HYPER, HYPER, {{0}, .lo = -0.9, .hi = -0.7}, HYPER, HYPER, \
	{{0}, DT_I32, 1, 99}

const OpDef op_AdafactorUpdate = {
	.name = "AdafactorUpdate", .min_in = 3, .max_in = NINPUTS,
	.min_out = 2, .max_out = 3,
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nin = NINPUTS, .nout = 3,
	          .in = {{DIMS(3, 5)}, {DIMS(3, 5)}, SQUARES(3), SQUARES(5),
	                 SCALARS}},
	         {.nin = NINPUTS, .nout = 3,
	          .in = {{DIMS(2, 3, 2)}, {DIMS(2, 3, 2)}, SQUARES(2),
	                 SQUARES(6), SCALARS}},
	         {.nin = NINPUTS, .nout = 2,
	          .in = {{DIMS(7)}, {DIMS(7)}, SQUARES(7), {.absent = true},
	                 SCALARS}}),
};

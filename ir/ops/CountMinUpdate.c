/*
 * CountMinUpdate of w [n, d] by its gradient, with the squares of gradients in a
 * sketch (ir/sketch.h) of [3, width, d]. Row by row, in order, x = w[row], with what
 * the rows before it left, not those behind it, whose gradients may be still to come:
 *
 *   bin_j' = beta2 bin_j + (1 - beta2) g^2      in each table j
 *   weight_j' = beta2 weight_j + 1 - beta2      by bucket
 *   v = min over j of bin_j' / weight_j'
 *   x' = (1 - lr decay) x - lr g / (sqrt(v) + eps)
 *
 * which is Adam without a first moment (RMSprop, bias-corrected), each bucket with
 * a step count of its own, as rows are not all seen as often. With `sum`, Adagrad:
 * bin_j' = bin_j + g^2, v = min of bin_j'.
 *
 * Cleaning: every `clean` steps bins and weights are multiplied by `keep`, so that
 * what other rows have left behind counts less; the mean of squares stays, and so
 * does the size of the next step. A bucket catches up when it is next used, from
 * the step that it was last used in: no step touches all buckets.
 *
 * With a first moment, in a sketch of its own that is not cleaned, and a sign s_j:
 *
 *   first_j' = beta1 first_j + (1 - beta1) s_j g
 *   count_j' = beta1 count_j + 1 - beta1        by bucket
 *   m = median over j of s_j first_j' / count_j'
 *
 * and m is in the place of g in x'. A row's m stays while it has no gradient.
 *
 * Inputs w, the gradient's rows, their numbers [t] (negative: none; absent: the
 * gradient is [n, d]), bins, weights [3, width], last steps [3, width], lr, beta2,
 * eps, decay, step; and first [3, width, d], counts [3, width], beta1. Outputs w',
 * bins', weights', last'; first', counts'.
 */
#include "ir/sketch.h"
#include "ir/update.h"

enum { WEIGHTS = SKETCH_BINS + 1, LAST, LR, BETA2, EPS, DECAY, STEP, FIRST,
       COUNTS, BETA1, NINPUTS };
enum { NEW_W, NEW_BINS, NEW_WEIGHTS, NEW_LAST, NEW_FIRST, NEW_COUNTS, NOUTPUTS };
enum { SUM, CLEAN, KEEP };

static bool has_first(const Node *n)
{
	return n->nin > FIRST;
}

static bool infer(Unit *u, Node *n)
{
	bool first = has_first(n);
	return sketch_infer(u, n, first ? NINPUTS : FIRST,
	                    first ? NOUTPUTS : NEW_FIRST) &&
	       infer_like(n, NEW_WEIGHTS, WEIGHTS) &&
	       infer_like(n, NEW_LAST, LAST) &&
	       (!first || (infer_like(n, NEW_FIRST, FIRST) &&
	                   infer_like(n, NEW_COUNTS, COUNTS)));
}

/* rest: 1 - beta2, rest1: 1 - beta1. */
typedef struct Scalars {
	Expr *lr, *beta2, *rest, *eps, *stays, *step, *beta1, *rest1;
} Scalars;

static const Scalars *scalars(Kernel *k, const Node *n)
{
	Scalars *s = arena_new(k->arena, Scalars);
	*s = (Scalars){
		.lr = sketch_scalar(k, n, LR), .beta2 = sketch_scalar(k, n, BETA2),
		.eps = sketch_scalar(k, n, EPS), .step = sketch_scalar(k, n, STEP),
	};
	Expr *one = k_num(k, 1);
	s->rest = update_bind(k, k_sub(k, one, s->beta2));
	Expr *lost = k_mul(k, s->lr, sketch_scalar(k, n, DECAY));
	s->stays = update_bind(k, k_sub(k, one, lost));
	if (has_first(n)) {
		s->beta1 = sketch_scalar(k, n, BETA1);
		s->rest1 = update_bind(k, k_sub(k, one, s->beta1));
	}
	return s;
}

/* keep to the power of the cleanings since the bucket was last used; NULL: 1. */
static Expr *faded(Kernel *k, const Node *n, const Scalars *s, Expr *last)
{
	double every = (double)attr_int(n, CLEAN);
	if (every < 1)
		return NULL;
	Expr *c = k_typed(k, DT_I32, every);
	Expr *times = k_sub(k, k_div(k, s->step, c), k_div(k, last, c));
	return update_bind(k, k_pow(k, k_num(k, attr_float(n, KEEP)),
	                            k_cast(k, DT_F32, times)));
}

static Expr *times(Kernel *k, Expr *factor, Expr *x)
{
	return factor ? k_mul(k, factor, x) : x;
}

/* The row in table j: what its bins are multiplied by first (NULL: 1), and what
 * they, and those of the first moment, are multiplied by at the end. */
typedef struct Bucket {
	Expr *fade, *scale, *first_scale, *sign;
} Bucket;

static Expr *reciprocal(Kernel *k, Expr *x)
{
	return update_bind(k, k_div(k, k_num(k, 1), x));
}

static void open_bucket(Kernel *k, const Node *n, const Scalars *s,
                        const SketchRow *r, int j, Bucket *b)
{
	Index at[2];
	sketch_bucket(r, j, at);
	const Value *last = n->out[NEW_LAST], *weights = n->out[NEW_WEIGHTS];
	b->fade = faded(k, n, s, sketch_load(k, r, last, at));
	sketch_store(k, r, last, at, s->step);
	Expr *old = times(k, b->fade, sketch_load(k, r, weights, at));
	Expr *new = update_bind(k, k_add(k, k_mul(k, s->beta2, old), s->rest));
	sketch_store(k, r, weights, at, new);
	b->scale = reciprocal(k, new);
	if (!has_first(n))
		return;
	const Value *counts = n->out[NEW_COUNTS];
	old = sketch_load(k, r, counts, at);
	new = update_bind(k, k_add(k, k_mul(k, s->beta1, old), s->rest1));
	sketch_store(k, r, counts, at, new);
	b->first_scale = update_bind(k, k_mul(k, b->sign, reciprocal(k, new)));
}

/* What is in all tables for a column, before any of it is written: one table is
 * no other. */
static void load_bins(Kernel *k, const SketchRow *r, const Value *bins, int c,
                      Expr *x[SKETCH_DEPTH])
{
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Index at[3];
		sketch_bin(r, j, c, at);
		x[j] = sketch_load(k, r, bins, at);
	}
}

static void store_bin(Kernel *k, const SketchRow *r, const Value *bins, int j,
                      int c, Expr *x)
{
	Index at[3];
	sketch_bin(r, j, c, at);
	sketch_store(k, r, bins, at, x);
}

/* m of a column whose gradient is g. */
static Expr *first_moment(Kernel *k, const Node *n, const Scalars *s,
                          const SketchRow *r, const Bucket b[], int c, Expr *g)
{
	Expr *part = update_bind(k, k_mul(k, s->rest1, g));
	Expr *x[SKETCH_DEPTH], *m[SKETCH_DEPTH];
	load_bins(k, r, n->out[NEW_FIRST], c, x);
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		x[j] = update_bind(k, k_add(k, k_mul(k, s->beta1, x[j]),
		                            k_mul(k, b[j].sign, part)));
		m[j] = update_bind(k, k_mul(k, b[j].first_scale, x[j]));
	}
	for (int j = 0; j < SKETCH_DEPTH; j++)
		store_bin(k, r, n->out[NEW_FIRST], j, c, x[j]);
	return sketch_median(k, m);
}

static Expr *bin_after(Kernel *k, const Node *n, const Scalars *s, Expr *old,
                       Expr *square)
{
	Expr *new = attr_int(n, SUM) ? k_add(k, old, square)
	          : k_add(k, k_mul(k, s->beta2, old), k_mul(k, s->rest, square));
	return update_bind(k, new);
}

/* v of a column whose gradient is g. */
static Expr *squares(Kernel *k, const Node *n, const Scalars *s,
                     const SketchRow *r, const Bucket b[], int c, Expr *g)
{
	Expr *square = update_bind(k, k_mul(k, g, g));
	Expr *x[SKETCH_DEPTH], *v[SKETCH_DEPTH];
	load_bins(k, r, n->out[NEW_BINS], c, x);
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		x[j] = bin_after(k, n, s, times(k, b[j].fade, x[j]), square);
		v[j] = attr_int(n, SUM) ? x[j] : k_mul(k, b[j].scale, x[j]);
	}
	for (int j = 0; j < SKETCH_DEPTH; j++)
		store_bin(k, r, n->out[NEW_BINS], j, c, x[j]);
	return sketch_least(k, v);
}

static void update_column(Kernel *k, const Node *n, const Scalars *s,
                          const SketchRow *r, const Bucket b[], int c, Expr *g)
{
	Expr *norm = k_add(k, k_sqrt(k, squares(k, n, s, r, b, c, g)), s->eps);
	Expr *m = has_first(n) ? first_moment(k, n, s, r, b, c, g) : g;
	Expr *by = k_mul(k, s->lr, k_div(k, m, norm));
	Index at[2];
	sketch_element(r, c, at);
	Expr *x = k_mul(k, s->stays, sketch_load(k, r, n->out[NEW_W], at));
	sketch_store(k, r, n->out[NEW_W], at, k_sub(k, x, by));
}

static const void *begin(Kernel *k, const Node *n)
{
	static const int was[NOUTPUTS] = {SKETCH_W, SKETCH_BINS, WEIGHTS, LAST,
	                                  FIRST, COUNTS};
	for (int o = 0; o < n->nout; o++)
		sketch_begin(k, n->in[was[o]], n->out[o]);
	return scalars(k, n);
}

static void update_rows(Kernel *k, const Node *n, const void *begun,
                        Index first, int64_t count, const Value *from)
{
	const Scalars *s = begun;
	int64_t d = n->in[SKETCH_W]->shape.dim[1];
	Bucket b[SKETCH_DEPTH] = {{0}};
	Expr *sign[SKETCH_DEPTH] = {NULL};
	int t = k_for(k, count);
	SketchRow r = sketch_row(k, n, k_sum(first, k_at(t)));
	if (has_first(n))
		sketch_signs(k, &r, sign);
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		b[j].sign = sign[j];
		open_bucket(k, n, s, &r, j, &b[j]);
	}
	int c = k_for(k, d);
	Index at = k_sum(k_scaled(k_at(t), d), k_at(c));
	update_column(k, n, s, &r, b, c, update_bind(k, k_load_flat(k, from, at)));
	k_end_n(k, 2);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *g = n->in[SKETCH_G];
	update_rows(k, n, begin(k, n), k_const(0), g->shape.dim[0], g);
}

#define BINS_OF(...) {DIMS(__VA_ARGS__), .lo = 0, .hi = 1}

const OpDef op_CountMinUpdate = {
	.name = "CountMinUpdate", .min_in = 2, .max_in = NINPUTS,
	.min_out = NEW_FIRST, .max_out = NOUTPUTS,
	ATTRS([SUM] = {"sum", ATTR_INT, true, 0},
	      [CLEAN] = {"clean", ATTR_INT, true, 0},
	      [KEEP] = {"keep", ATTR_FLOAT, true, .f = 1}),
	.infer = infer,
	.lower = lower,
	.update_rows = &(const UpdateRowsDef){
		.fits = sketch_takes_all, .begin = begin,
		.lower = update_rows},
	EXAMPLES({.nin = FIRST, .nout = 4,
	          .in = {{DIMS(9, 4)}, {DIMS(9, 4)}, {.absent = true},
	                 BINS_OF(3, 2, 4), BINS_OF(3, 2),
	                 {DIMS(3, 2), DT_I32, 1, 9}, HYPER, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 10, 99}},
	          .attr = {{"clean", 5}, {"keep", .f = 0.5}}},
	         {.nin = FIRST, .nout = 4,
	          .in = {{DIMS(9, 4)}, {DIMS(5, 4)}, {DIMS(5), DT_I32, -2, 8},
	                 BINS_OF(3, 4, 4), BINS_OF(3, 4),
	                 {DIMS(3, 4), DT_I32, 1, 9}, HYPER, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 10, 99}},
	          .attr = {{"sum", 1}}},
	         {.nin = NINPUTS, .nout = NOUTPUTS,
	          .in = {{DIMS(9, 4)}, {DIMS(5, 4)}, {DIMS(5), DT_I32, -2, 8},
	                 BINS_OF(3, 4, 4), BINS_OF(3, 4),
	                 {DIMS(3, 4), DT_I32, 1, 9}, HYPER, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 10, 99}, {DIMS(3, 4, 4)}, BINS_OF(3, 4),
	                 HYPER}}),
};

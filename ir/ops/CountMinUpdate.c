/*
 * CountMinUpdate of w [n, d] by its gradient, with the squares of gradients in a
 * sketch (ir/sketch.h) of [3, width, d]. Row by row, in order, x = w[row]:
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

static Scalars scalars(Kernel *k, const Node *n)
{
	Scalars s = {
		.lr = sketch_scalar(k, n, LR), .beta2 = sketch_scalar(k, n, BETA2),
		.eps = sketch_scalar(k, n, EPS), .step = sketch_scalar(k, n, STEP),
	};
	Expr *one = k_num(k, 1);
	s.rest = update_bind(k, k_sub(k, one, s.beta2));
	Expr *lost = k_mul(k, s.lr, sketch_scalar(k, n, DECAY));
	s.stays = update_bind(k, k_sub(k, one, lost));
	if (has_first(n)) {
		s.beta1 = sketch_scalar(k, n, BETA1);
		s.rest1 = update_bind(k, k_sub(k, one, s.beta1));
	}
	return s;
}

/* keep to the power of the cleanings since the bucket was last used. */
static Expr *faded(Kernel *k, const Node *n, const Scalars *s, Index at[2])
{
	double every = (double)attr_int(n, CLEAN);
	if (every < 1)
		return k_num(k, 1);
	Expr *last = k_load_padded(k, n->out[NEW_LAST], at, 0);
	Expr *c = k_typed(k, DT_I32, every);
	Expr *times = k_sub(k, k_div(k, s->step, c), k_div(k, last, c));
	return update_bind(k, k_pow(k, k_num(k, attr_float(n, KEEP)),
	                            k_cast(k, DT_F32, times)));
}

/* The bucket of table j, before its columns: what its bins are multiplied by
 * first, and what they, and those of the first moment, are divided by at the
 * end. */
typedef struct Bucket {
	int at;
	Expr *fade, *weight, *count, *sign;
} Bucket;

static void open_bucket(Kernel *k, const Node *n, const Scalars *s, int j,
                        Bucket *b)
{
	Index at[2] = {k_const(j), k_indirect(b->at)};
	b->fade = faded(k, n, s, at);
	k_store_padded(k, n->out[NEW_LAST], at, s->step);
	Expr *old = k_mul(k, b->fade,
	                  k_load_padded(k, n->out[NEW_WEIGHTS], at, 0));
	Expr *new = k_add(k, k_mul(k, s->beta2, old), s->rest);
	b->weight = update_bind(k, new);
	k_store_padded(k, n->out[NEW_WEIGHTS], at, b->weight);
	if (!has_first(n))
		return;
	old = k_load_padded(k, n->out[NEW_COUNTS], at, 0);
	new = k_add(k, k_mul(k, s->beta1, old), s->rest1);
	b->count = update_bind(k, new);
	k_store_padded(k, n->out[NEW_COUNTS], at, b->count);
}

/* m of a column whose gradient is g. */
static Expr *first_moment(Kernel *k, const Node *n, const Scalars *s,
                          const Bucket b[SKETCH_DEPTH], int c, Expr *g)
{
	Expr *part = update_bind(k, k_mul(k, s->rest1, g)), *m[SKETCH_DEPTH];
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Expr *old = sketch_load(k, n->out[NEW_FIRST], j, b[j].at, c);
		Expr *new = update_bind(k, k_add(k, k_mul(k, s->beta1, old),
		                                 k_mul(k, b[j].sign, part)));
		sketch_store(k, n->out[NEW_FIRST], j, b[j].at, c, new);
		m[j] = update_bind(k, k_div(k, k_mul(k, b[j].sign, new),
		                            b[j].count));
	}
	return sketch_median(k, m);
}

static Expr *bin_after(Kernel *k, const Node *n, const Scalars *s, Expr *old,
                       Expr *square)
{
	Expr *new = attr_int(n, SUM) ? k_add(k, old, square)
	          : k_add(k, k_mul(k, s->beta2, old), k_mul(k, s->rest, square));
	return update_bind(k, new);
}

static void update_column(Kernel *k, const Node *n, const Scalars *s, int row,
                          Index from, const Bucket b[SKETCH_DEPTH], int c)
{
	Expr *g = update_bind(k, k_load_flat(k, n->in[SKETCH_G], from));
	Expr *square = update_bind(k, k_mul(k, g, g)), *v[SKETCH_DEPTH];
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Expr *old = sketch_load(k, n->out[NEW_BINS], j, b[j].at, c);
		Expr *new = bin_after(k, n, s, k_mul(k, b[j].fade, old),
		                      square);
		sketch_store(k, n->out[NEW_BINS], j, b[j].at, c, new);
		v[j] = attr_int(n, SUM) ? new : k_div(k, new, b[j].weight);
	}
	Expr *norm = k_add(k, k_sqrt(k, sketch_least(k, v)), s->eps);
	Expr *m = has_first(n) ? first_moment(k, n, s, b, c, g) : g;
	Expr *by = k_mul(k, s->lr, k_div(k, m, norm));
	Index to[2] = {k_indirect(row), k_at(c)};
	Expr *x = k_mul(k, s->stays, k_load_padded(k, n->out[NEW_W], to, 0));
	k_store_padded(k, n->out[NEW_W], to, k_sub(k, x, by));
}

static void update_row(Kernel *k, const Node *n, const Scalars *s, int t)
{
	const Value *rows = n->in[SKETCH_ROWS];
	int64_t d = n->in[SKETCH_W]->shape.dim[1];
	Expr *number = rows ? k_load_flat(k, rows, k_at(t))
	                    : k_index(k, k_at(t));
	int row = k_var(k, number), bucket[SKETCH_DEPTH];
	Bucket b[SKETCH_DEPTH];
	Expr *sign[SKETCH_DEPTH] = {NULL};
	sketch_find(k, k_get(k, row), n->in[SKETCH_BINS]->shape.dim[1], bucket);
	if (has_first(n))
		sketch_signs(k, k_get(k, row), sign);
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		b[j] = (Bucket){.at = bucket[j], .sign = sign[j]};
		open_bucket(k, n, s, j, &b[j]);
	}
	int c = k_for(k, d);
	update_column(k, n, s, row, k_sum(k_scaled(k_at(t), d), k_at(c)), b, c);
	k_end(k);
}

static void lower(Kernel *k, const Node *n)
{
	static const int was[NOUTPUTS] = {SKETCH_W, SKETCH_BINS, WEIGHTS, LAST,
	                                  FIRST, COUNTS};
	for (int o = 0; o < n->nout; o++)
		sketch_begin(k, n->in[was[o]], n->out[o]);
	Scalars s = scalars(k, n);
	int t = k_for(k, n->in[SKETCH_G]->shape.dim[0]);
	update_row(k, n, &s, t);
	k_end(k);
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

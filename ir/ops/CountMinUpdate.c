/*
 * CountMinUpdate of w [n, d] by its gradient, with the squares of gradients in a
 * sketch (ir/sketch.h) of [3, width, d]. Row by row, in order, x = w[row], with what
 * the rows before it left, not those behind it, whose gradients may be still to come:
 *
 *   bin_j' = beta2^age_j bin_j + (1 - beta2) g^2      in each table j
 *   weight_j' = beta2^age_j weight_j + 1 - beta2      by bucket
 *   v = min over j of bin_j' / max(weight_j', once)
 *   x' = (1 - lr decay) x - lr g / (sqrt(v) + eps)
 *
 * where age_j is in steps since the bucket was last used: 0 for the rows of a step
 * that come after its first; once = 1 - beta2^step is the weight of a bucket that one
 * row uses in each step. So time passes as for whole state, however many rows
 * share a bucket. Where they are more than one a step, as in an output layer, v is
 * their mean; where they are fewer, as in an embedding, what a row does not get
 * counts as 0, as it does in Adam: v is Adam's but for what else is in the bucket.
 * Times 1 - beta2^step, with `biased`, it is RMSprop's. With `sum`, Adagrad:
 * bin_j' = bin_j + g^2, v = min of bin_j'.
 *
 * Cleaning: every `clean` steps bins and weights are multiplied by `keep`, so that
 * what other rows have left behind counts less. A bucket catches up when it is next
 * used, from the step that it was last used in: no step touches all buckets. `once`
 * is cleaned as they are; so v is a mean over fewer steps, but not less, and steps
 * do not become longer: for the same g, by the root of 1 + (1 - beta2) / (beta2 keep
 * once) from one step to the next, at most. Sums are taken for as many steps as there were,
 * bin_j' step / remembered, where `remembered` counts a step as its cleanings left it.
 *
 * With a first moment, in a sketch of its own that is not cleaned
 * (ir/sketch_moment.h, of beta1), that is in the place of g in x'. A row's stays while
 * it has no gradient.
 *
 * Inputs w, the gradient's rows, their numbers [t] (negative: none; absent: the
 * gradient is [n, d]), bins, weights [3, width], last steps [3, width], lr, beta2,
 * eps, decay, step; and first [3, width, d], counts [3, width], beta1. Outputs w',
 * bins', weights', last'; first', counts'.
 */
#include "ir/sketch_moment.h"
#include "ir/update.h"

enum { WEIGHTS = SKETCH_BINS + 1, LAST, LR, BETA2, EPS, DECAY, STEP, FIRST,
       COUNTS, BETA1, NINPUTS };
enum { NEW_W, NEW_BINS, NEW_WEIGHTS, NEW_LAST, NEW_FIRST, NEW_COUNTS, NOUTPUTS };
enum { SUM, CLEAN, KEEP, BIASED, SEED };

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

/* rest: 1 - beta2, whole: 1 - beta2^step, once: see above. With `sum`, scale is what
 * sums are multiplied by, or NULL. */
typedef struct Scalars {
	Expr *lr, *beta2, *rest, *whole, *once, *scale, *eps, *stays, *step;
	SketchMoment first;
} Scalars;

static bool cleans(const Node *n)
{
	return attr_int(n, CLEAN) > 0 && attr_float(n, KEEP) < 1;
}

/* The sum over steps s from 1 on of beta^(step - s) keep^(cleanings since s), times
 * 1 - beta (beta NULL: it is 1, and times 1). Between two cleanings lie `every`
 * steps, so it is that of the last, which are `recent`, and a geometric series of
 * those before; less step 0, which there was not. */
static Expr *remembered(Kernel *k, const Node *n, Expr *beta, Expr *step)
{
	Expr *one = k_num(k, 1), *keep = k_num(k, attr_float(n, KEEP));
	Expr *every = k_typed(k, DT_I32, (double)attr_int(n, CLEAN));
	Expr *times = update_bind(k, k_div(k, step, every));
	Expr *recent = k_sub(k, step, k_mul(k, times, every));
	recent = update_bind(k, k_add(k, recent, k_typed(k, DT_I32, 1)));
	Expr *of_last = beta ? sketch_weight(k, beta, recent)
	                     : k_cast(k, DT_F32, recent);
	Expr *of_each = beta ? sketch_weight(k, beta, every)
	                     : k_cast(k, DT_F32, every);
	Expr *ratio = keep, *first = one, *aged = one;
	if (beta) {
		ratio = k_mul(k, keep, k_pow(k, beta, k_cast(k, DT_F32, every)));
		aged = k_pow(k, beta, k_cast(k, DT_F32, recent));
		first = k_mul(k, k_sub(k, one, beta),
		              k_pow(k, beta, k_cast(k, DT_F32, step)));
	}
	ratio = update_bind(k, ratio);
	times = k_cast(k, DT_F32, times);
	Expr *series = k_div(k, k_sub(k, one, k_pow(k, ratio, times)),
	                     k_sub(k, one, ratio));
	Expr *before = k_mul(k, k_mul(k, aged, of_each), k_mul(k, keep, series));
	Expr *none = k_mul(k, first, k_pow(k, keep, times));
	return update_bind(k, k_sub(k, k_add(k, of_last, before), none));
}

static void add_scales(Kernel *k, const Node *n, Scalars *s)
{
	if (!attr_int(n, SUM)) {
		s->whole = sketch_weight(k, s->beta2, s->step);
		s->once = cleans(n) ? remembered(k, n, s->beta2, s->step)
		                    : s->whole;
	} else if (cleans(n)) {
		Expr *steps = remembered(k, n, NULL, s->step);
		s->scale = update_bind(k, k_div(k, k_cast(k, DT_F32, s->step),
		                                steps));
	}
}

static const Scalars *scalars(Kernel *k, const Node *n)
{
	Scalars *s = arena_new(k->arena, Scalars);
	*s = (Scalars){
		.lr = sketch_scalar(k, n, LR), .beta2 = sketch_scalar(k, n, BETA2),
		.eps = sketch_scalar(k, n, EPS), .step = sketch_scalar(k, n, STEP),
	};
	Expr *one = k_num(k, 1);
	s->rest = update_bind(k, k_sub(k, one, s->beta2));
	add_scales(k, n, s);
	Expr *lost = k_mul(k, s->lr, sketch_scalar(k, n, DECAY));
	s->stays = update_bind(k, k_sub(k, one, lost));
	if (has_first(n))
		s->first = sketch_moment_begin(k, sketch_scalar(k, n, BETA1),
		                               s->step);
	return s;
}

/* keep to the power of the cleanings since the bucket was last used; NULL: 1. */
static Expr *faded(Kernel *k, const Node *n, const Scalars *s, Expr *last)
{
	if (!cleans(n))
		return NULL;
	Expr *c = k_typed(k, DT_I32, (double)attr_int(n, CLEAN));
	Expr *times = k_sub(k, k_div(k, s->step, c), k_div(k, last, c));
	return update_bind(k, k_pow(k, k_num(k, attr_float(n, KEEP)),
	                            k_cast(k, DT_F32, times)));
}

static Expr *times(Kernel *k, Expr *factor, Expr *x)
{
	return factor ? k_mul(k, factor, x) : x;
}

/* The row in table j: what its bins are multiplied by first (NULL: 1), and what they
 * are multiplied by at the end (NULL: 1). */
typedef struct Bucket {
	Expr *fade, *scale;
} Bucket;

/* The row in all tables. */
typedef struct Buckets {
	Bucket of[SKETCH_DEPTH];
	MomentBucket first[SKETCH_DEPTH];
	Expr *sign[SKETCH_DEPTH];
} Buckets;

static Expr *heavier(Kernel *k, const Node *n, const Scalars *s,
                     const SketchRow *r, const Index at[2], Expr *fade)
{
	Expr *old = times(k, fade, sketch_load(k, r, n->out[NEW_WEIGHTS], at));
	Expr *new = update_bind(k, k_add(k, old, s->rest));
	sketch_store(k, r, n->out[NEW_WEIGHTS], at, new);
	return new;
}

static void open_bucket(Kernel *k, const Node *n, const Scalars *s,
                        const SketchRow *r, int j, Buckets *b)
{
	Index at[2];
	sketch_bucket(r, j, at);
	Expr *last = sketch_load(k, r, n->out[NEW_LAST], at);
	sketch_store(k, r, n->out[NEW_LAST], at, s->step);
	Expr *age = update_bind(k, k_sub(k, s->step, last));
	Expr *fade = faded(k, n, s, last);
	if (!attr_int(n, SUM))
		fade = times(k, fade, sketch_power(k, s->beta2, age));
	if (fade)
		fade = update_bind(k, fade);
	Expr *weight = heavier(k, n, s, r, at, fade), *scale = s->scale;
	if (s->once) {
		Expr *most = attr_int(n, BIASED) ? s->whole : k_num(k, 1);
		scale = k_div(k, most, k_max(k, weight, s->once));
		scale = update_bind(k, scale);
	}
	b->of[j] = (Bucket){fade, scale};
	if (has_first(n))
		b->first[j] = sketch_moment_open(k, &s->first, r,
		                                 n->out[NEW_COUNTS], at, age,
		                                 b->sign[j]);
}

/* v of a column whose gradient is g. One table is no other, so all are read before
 * they are written. */
static Expr *squares(Kernel *k, const Node *n, const Scalars *s,
                     const SketchRow *r, const Buckets *b, int c, Expr *g)
{
	Expr *square = k_mul(k, g, g);
	square = update_bind(k, s->whole ? k_mul(k, s->rest, square) : square);
	Expr *x[SKETCH_DEPTH], *v[SKETCH_DEPTH];
	Index at[SKETCH_DEPTH][3];
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		sketch_bin(r, j, c, at[j]);
		x[j] = sketch_load(k, r, n->out[NEW_BINS], at[j]);
	}
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Expr *old = times(k, b->of[j].fade, x[j]);
		x[j] = update_bind(k, k_add(k, old, square));
		v[j] = times(k, b->of[j].scale, x[j]);
	}
	for (int j = 0; j < SKETCH_DEPTH; j++)
		sketch_store(k, r, n->out[NEW_BINS], at[j], x[j]);
	return sketch_least(k, v);
}

static void update_column(Kernel *k, const Node *n, const Scalars *s,
                          const SketchRow *r, const Buckets *b, int c, Expr *g)
{
	Expr *norm = k_add(k, k_sqrt(k, squares(k, n, s, r, b, c, g)), s->eps);
	Expr *m = g;
	if (has_first(n))
		m = sketch_moment(k, &s->first, r, n->out[NEW_FIRST], b->first,
		                  c, g);
	Expr *by = k_mul(k, s->lr, k_div(k, m, norm));
	const Value *w = n->out[NEW_W];
	Expr *x = k_mul(k, s->stays, sketch_element(k, r, w, c));
	sketch_set_element(k, r, w, c, k_sub(k, x, by));
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
	int64_t d = n->in[SKETCH_G]->shape.dim[1];
	Buckets b = {0};
	int t = k_for(k, count);
	SketchRow r = sketch_row(k, n, k_sum(first, k_at(t)));
	if (has_first(n))
		sketch_signs(k, &r, b.sign);
	for (int j = 0; j < SKETCH_DEPTH; j++)
		open_bucket(k, n, s, &r, j, &b);
	int c = k_for(k, d);
	Index at = k_sum(k_scaled(k_at(t), d), k_at(c));
	update_column(k, n, s, &r, &b, c, update_bind(k, k_load_flat(k, from, at)));
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
	      [KEEP] = {"keep", ATTR_FLOAT, true, .f = 1},
	      [BIASED] = {"biased", ATTR_INT, true, 0},
	      [SEED] = {"seed", ATTR_INT, true, 0}),
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
	          .attr = {{"clean", 5}, {"keep", .f = 0.5}, {"biased", 1}}},
	         {.nin = FIRST, .nout = 4,
	          .in = {{DIMS(1, 9, 4)}, {DIMS(9, 4)}, {.absent = true},
	                 BINS_OF(3, 2, 4), BINS_OF(3, 2),
	                 {DIMS(3, 2), DT_I32, 1, 9}, HYPER, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 10, 99}}},
	         {.nin = FIRST, .nout = 4,
	          .in = {{DIMS(9, 4)}, {DIMS(5, 4)}, {DIMS(5), DT_I32, -2, 8},
	                 BINS_OF(3, 4, 4), BINS_OF(3, 4),
	                 {DIMS(3, 4), DT_I32, 1, 9}, HYPER, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 10, 99}},
	          .attr = {{"sum", 1}, {"seed", 7}}},
	         {.nin = NINPUTS, .nout = NOUTPUTS,
	          .in = {{DIMS(9, 4)}, {DIMS(5, 4)}, {DIMS(5), DT_I32, -2, 8},
	                 BINS_OF(3, 4, 4), BINS_OF(3, 4),
	                 {DIMS(3, 4), DT_I32, 1, 9}, HYPER, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 10, 99}, {DIMS(3, 4, 4)}, BINS_OF(3, 4),
	                 HYPER}}),
};

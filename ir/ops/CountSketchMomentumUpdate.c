/*
 * CountSketchMomentumUpdate of w [n, d] by its gradient, with the momentum in a
 * sketch (ir/sketch_moment.h) of [3, width, d]. Row by row, in order, x = w[row], with
 * what the rows before it left:
 *
 *   m = the sketch's mean, of beta = momentum
 *   x' = (1 - lr decay) x - lr m (1 - momentum^step) / (1 - momentum)
 *
 * which is momentum's sum for a row that has its buckets to itself and comes up in
 * each step. A rare row goes in one step as far as momentum takes it in those that
 * follow: its own momentum stays while it has no gradient.
 *
 * Inputs w, the gradient's rows, their numbers [t] (negative: none; absent: the
 * gradient is [n, d]), bins, counts [3, width], last steps [3, width], lr, momentum,
 * decay, step. Outputs w', bins', counts', last'.
 */
#include "ir/sketch_moment.h"
#include "ir/update.h"

enum { COUNTS = SKETCH_BINS + 1, LAST, LR, MOMENTUM, DECAY, STEP, NINPUTS };
enum { NEW_W, NEW_BINS, NEW_COUNTS, NEW_LAST, NOUTPUTS };
enum { SEED };

static bool infer(Unit *u, Node *n)
{
	return sketch_infer(u, n, NINPUTS, NOUTPUTS) &&
	       infer_like(n, NEW_COUNTS, COUNTS) &&
	       infer_like(n, NEW_LAST, LAST);
}

/* rate: lr times what makes a sum of a mean. */
typedef struct Scalars {
	Expr *rate, *stays, *step;
	SketchMoment moment;
} Scalars;

static const void *begin(Kernel *k, const Node *n)
{
	Scalars *s = arena_new(k->arena, Scalars);
	for (int o = 0; o < NOUTPUTS; o++)
		sketch_begin(k, n->in[o == NEW_W ? SKETCH_W
		                                 : SKETCH_BINS + o - NEW_BINS],
		             n->out[o]);
	Expr *lr = sketch_scalar(k, n, LR);
	s->step = sketch_scalar(k, n, STEP);
	s->moment = sketch_moment_begin(k, sketch_scalar(k, n, MOMENTUM),
	                                s->step);
	Expr *sum = k_div(k, s->moment.whole, s->moment.rest);
	s->rate = update_bind(k, k_mul(k, lr, sum));
	Expr *lost = k_mul(k, lr, sketch_scalar(k, n, DECAY));
	s->stays = update_bind(k, k_sub(k, k_num(k, 1), lost));
	return s;
}

static void open_buckets(Kernel *k, const Node *n, const Scalars *s,
                         const SketchRow *r, MomentBucket b[SKETCH_DEPTH])
{
	Expr *sign[SKETCH_DEPTH];
	sketch_signs(k, r, sign);
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Index at[2];
		sketch_bucket(r, j, at);
		Expr *last = sketch_load(k, r, n->out[NEW_LAST], at);
		sketch_store(k, r, n->out[NEW_LAST], at, s->step);
		Expr *age = update_bind(k, k_sub(k, s->step, last));
		b[j] = sketch_moment_open(k, &s->moment, r, n->out[NEW_COUNTS],
		                          at, age, sign[j]);
	}
}

static void update_rows(Kernel *k, const Node *n, const void *begun,
                        Index first, int64_t count, const Value *from)
{
	const Scalars *s = begun;
	const Value *w = n->out[NEW_W];
	int64_t d = n->in[SKETCH_G]->shape.dim[1];
	MomentBucket b[SKETCH_DEPTH];
	int t = k_for(k, count);
	SketchRow r = sketch_row(k, n, k_sum(first, k_at(t)));
	open_buckets(k, n, s, &r, b);
	int c = k_for(k, d);
	Index g = k_sum(k_scaled(k_at(t), d), k_at(c));
	Expr *m = sketch_moment(k, &s->moment, &r, n->out[NEW_BINS], b, c,
	                        update_bind(k, k_load_flat(k, from, g)));
	Expr *x = k_mul(k, s->stays, sketch_element(k, &r, w, c));
	sketch_set_element(k, &r, w, c, k_sub(k, x, k_mul(k, s->rate, m)));
	k_end_n(k, 2);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *g = n->in[SKETCH_G];
	update_rows(k, n, begin(k, n), k_const(0), g->shape.dim[0], g);
}

#define COUNTS_OF(...) {DIMS(__VA_ARGS__), .lo = 0.1, .hi = 1}

const OpDef op_CountSketchMomentumUpdate = {
	.name = "CountSketchMomentumUpdate", .min_in = 2,
	.max_in = NINPUTS, .min_out = NOUTPUTS, .max_out = NOUTPUTS,
	ATTRS([SEED] = {"seed", ATTR_INT, true, 0}),
	.infer = infer,
	.lower = lower,
	.update_rows = &(const UpdateRowsDef){
		.fits = sketch_takes_all, .begin = begin,
		.lower = update_rows},
	EXAMPLES({.nin = NINPUTS, .nout = NOUTPUTS,
	          .in = {{DIMS(1, 9, 4)}, {DIMS(9, 4)}, {.absent = true},
	                 {DIMS(3, 2, 4)}, COUNTS_OF(3, 2),
	                 {DIMS(3, 2), DT_I32, 1, 9}, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 10, 99}}},
	         {.nin = NINPUTS, .nout = NOUTPUTS,
	          .in = {{DIMS(9, 4)}, {DIMS(5, 4)}, {DIMS(5), DT_I32, -2, 8},
	                 {DIMS(3, 4, 4)}, COUNTS_OF(3, 4),
	                 {DIMS(3, 4), DT_I32, 1, 9}, HYPER, HYPER, HYPER,
	                 {{0}, DT_I32, 10, 99}}}),
};

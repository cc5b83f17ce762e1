/*
 * CountSketchMomentumUpdate of w [n, d] by its gradient, with the momentum in a
 * sketch (ir/sketch.h) of [3, width, d]. Row by row, in order, x = w[row], with a
 * sign s_j in each table j:
 *
 *   bin_j' = momentum bin_j + s_j g
 *   m = median over j of s_j bin_j'
 *   x' = (1 - lr decay) x - lr m
 *
 * Inputs w, the gradient's rows, their numbers [t] (negative: none; absent: the
 * gradient is [n, d]), bins, lr, momentum, decay. Outputs w', bins'.
 */
#include "ir/sketch.h"
#include "ir/update.h"

enum { LR = SKETCH_BINS + 1, MOMENTUM, DECAY, NINPUTS };

static bool infer(Unit *u, Node *n)
{
	return sketch_infer(u, n, NINPUTS, 2);
}

typedef struct Scalars {
	Expr *lr, *momentum, *stays;
} Scalars;

static const void *begin(Kernel *k, const Node *n)
{
	Scalars *s = arena_new(k->arena, Scalars);
	sketch_begin(k, n->in[SKETCH_W], n->out[0]);
	sketch_begin(k, n->in[SKETCH_BINS], n->out[1]);
	s->lr = sketch_scalar(k, n, LR);
	s->momentum = sketch_scalar(k, n, MOMENTUM);
	Expr *lost = k_mul(k, s->lr, sketch_scalar(k, n, DECAY));
	s->stays = update_bind(k, k_sub(k, k_num(k, 1), lost));
	return s;
}

/* m of a column whose gradient is g. One table is no other, so all are read
 * before they are written. */
static Expr *moment(Kernel *k, const Node *n, const Scalars *s,
                    const SketchRow *r, Expr *const sign[], int c, Expr *g)
{
	Expr *x[SKETCH_DEPTH], *m[SKETCH_DEPTH];
	Index at[SKETCH_DEPTH][3];
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		sketch_bin(r, j, c, at[j]);
		x[j] = sketch_load(k, r, n->out[1], at[j]);
	}
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		x[j] = update_bind(k, k_add(k, k_mul(k, s->momentum, x[j]),
		                            k_mul(k, sign[j], g)));
		m[j] = update_bind(k, k_mul(k, sign[j], x[j]));
	}
	for (int j = 0; j < SKETCH_DEPTH; j++)
		sketch_store(k, r, n->out[1], at[j], x[j]);
	return sketch_median(k, m);
}

static void update_rows(Kernel *k, const Node *n, const void *begun,
                        Index first, int64_t count, const Value *from)
{
	const Scalars *s = begun;
	int64_t d = n->in[SKETCH_W]->shape.dim[1];
	Expr *sign[SKETCH_DEPTH];
	Index at[2];
	int t = k_for(k, count);
	SketchRow r = sketch_row(k, n, k_sum(first, k_at(t)));
	sketch_signs(k, &r, sign);
	int c = k_for(k, d);
	Index g = k_sum(k_scaled(k_at(t), d), k_at(c));
	Expr *m = moment(k, n, s, &r, sign, c,
	                 update_bind(k, k_load_flat(k, from, g)));
	sketch_element(&r, c, at);
	Expr *x = k_mul(k, s->stays, sketch_load(k, &r, n->out[0], at));
	sketch_store(k, &r, n->out[0], at, k_sub(k, x, k_mul(k, s->lr, m)));
	k_end_n(k, 2);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *g = n->in[SKETCH_G];
	update_rows(k, n, begin(k, n), k_const(0), g->shape.dim[0], g);
}

const OpDef op_CountSketchMomentumUpdate = {
	.name = "CountSketchMomentumUpdate", .min_in = 2,
	.max_in = NINPUTS, .min_out = 2, .max_out = 2,
	.infer = infer,
	.lower = lower,
	.update_rows = &(const UpdateRowsDef){
		.fits = sketch_takes_all, .begin = begin,
		.lower = update_rows},
	EXAMPLES({.nin = NINPUTS, .nout = 2,
	          .in = {{DIMS(9, 4)}, {DIMS(9, 4)}, {.absent = true},
	                 {DIMS(3, 2, 4)}, HYPER, HYPER, HYPER}},
	         {.nin = NINPUTS, .nout = 2,
	          .in = {{DIMS(9, 4)}, {DIMS(5, 4)}, {DIMS(5), DT_I32, -2, 8},
	                 {DIMS(3, 4, 4)}, HYPER, HYPER, HYPER}}),
};

#include "ir/sketch_moment.h"

#include "ir/update.h"

#include <float.h>

Expr *sketch_power(Kernel *k, Expr *beta, Expr *times)
{
	return update_bind(k, k_pow(k, beta, k_cast(k, DT_F32, times)));
}

Expr *sketch_weight(Kernel *k, Expr *beta, Expr *times)
{
	Expr *log = k_mul(k, k_cast(k, DT_F32, times), k_log(k, beta));
	return update_bind(k, k_neg(k, k_expm1(k, log)));
}

SketchMoment sketch_moment_begin(Kernel *k, Expr *beta, Expr *step)
{
	return (SketchMoment){
		.beta = beta,
		.rest = update_bind(k, k_sub(k, k_num(k, 1), beta)),
		.whole = sketch_weight(k, beta, step),
	};
}

/* An empty bucket has no mean: old is 0, as fresh is 1. */
MomentBucket sketch_moment_open(Kernel *k, const SketchMoment *m,
                                const SketchRow *r, const Value *counts,
                                const Index at[2], Expr *age, Expr *sign)
{
	MomentBucket b = {.fade = sketch_power(k, m->beta, age), .sign = sign};
	Expr *count = sketch_load(k, r, counts, at);
	Expr *more = k_add(k, k_mul(k, b.fade, count), m->rest);
	more = update_bind(k, more);
	sketch_store(k, r, counts, at, more);
	Expr *by = k_min(k, more, m->whole);
	b.fresh = update_bind(k, k_div(k, m->rest, by));
	Expr *rest = k_mul(k, sign, k_sub(k, k_num(k, 1), b.fresh));
	Expr *some = k_max(k, count, k_num(k, FLT_MIN));
	b.old = update_bind(k, k_div(k, rest, some));
	return b;
}

/* One table is no other, so all are read before they are written. */
Expr *sketch_moment(Kernel *k, const SketchMoment *m, const SketchRow *r,
                    const Value *bins, const MomentBucket b[SKETCH_DEPTH],
                    int column, Expr *g)
{
	Expr *part = update_bind(k, k_mul(k, m->rest, g));
	Expr *bin[SKETCH_DEPTH], *x[SKETCH_DEPTH];
	Index at[SKETCH_DEPTH][3];
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		sketch_bin(r, j, column, at[j]);
		bin[j] = sketch_load(k, r, bins, at[j]);
	}
	for (int j = 0; j < SKETCH_DEPTH; j++)
		x[j] = update_bind(k, k_add(k, k_mul(k, b[j].fresh, g),
		                            k_mul(k, b[j].old, bin[j])));
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Expr *is = k_add(k, k_mul(k, b[j].fade, bin[j]),
		                 k_mul(k, b[j].sign, part));
		sketch_store(k, r, bins, at[j], is);
	}
	return sketch_median(k, x);
}

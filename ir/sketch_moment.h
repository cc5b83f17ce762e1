/*
 * A mean of gradients over time in a count sketch with signs (ir/sketch.h), as the
 * first moment of Adam is, or momentum: of [3, width, d], with counts [3, width].
 * For a row whose gradient is g, with a sign s_j in each table j:
 *
 *   x_j = f_j g + (1 - f_j) s_j bin_j / count_j
 *   bin_j' = beta^age_j bin_j + (1 - beta) s_j g
 *   count_j' = beta^age_j count_j + 1 - beta
 *   f_j = (1 - beta) / min(count_j', 1 - beta^step)
 *   m = median over j of x_j
 *
 * age_j: steps since the bucket was last used; 0 for the rows of a step that come
 * after its first. So time passes by the step, as for whole state. What a row has
 * to itself is Adam's, where it comes up in each step; where it is rare, m is the
 * mean over the steps that it came up in: it goes in one step as far as Adam goes in
 * those that follow. Where many rows of a step share a bucket, as in an output layer,
 * what the bucket remembers is their mean and not their sum: it is as long as a
 * gradient, not as many; and a row's own gradient has the part that it has in Adam.
 */
#ifndef IR_SKETCH_MOMENT_H
#define IR_SKETCH_MOMENT_H

#include "ir/sketch.h"

/* rest: 1 - beta; whole: 1 - beta^step. */
typedef struct SketchMoment {
	Expr *beta, *rest, *whole;
} SketchMoment;

/* A row in one table: what its bins are multiplied by as time passes, the part of g
 * in x, what old bins are multiplied by in x, and the sign. */
typedef struct MomentBucket {
	Expr *fade, *fresh, *old, *sign;
} MomentBucket;

/* beta^times and 1 - beta^times, with its digits where beta is near 1. */
Expr *sketch_power(Kernel *, Expr *beta, Expr *times);
Expr *sketch_weight(Kernel *, Expr *beta, Expr *times);

SketchMoment sketch_moment_begin(Kernel *, Expr *beta, Expr *step);
/* Updates the count of the bucket `at`. */
MomentBucket sketch_moment_open(Kernel *, const SketchMoment *, const SketchRow *,
                                const Value *counts, const Index at[2],
                                Expr *age, Expr *sign);
/* m of a column, in a variable; updates the bins. */
Expr *sketch_moment(Kernel *, const SketchMoment *, const SketchRow *,
                    const Value *bins, const MomentBucket[SKETCH_DEPTH],
                    int column, Expr *g);

#endif

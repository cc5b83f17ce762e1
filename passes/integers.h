/* What integers.c and integers_weights.c share. */
#ifndef PASSES_INTEGERS_H
#define PASSES_INTEGERS_H

#include "ir/graph.h"

/* Real numbers that are (x - zero) scale, of integers x of 8 bits. */
typedef struct Scaled {
	Value *x, *scale, *zero;   /* zero is never NULL */
} Scaled;

/*
 * Constant weights as i8, a row for each output channel: of real numbers that
 * were quantized, or of integers, of u8 128 less. Scales and zero points are of
 * all, or of each row.
 */
typedef struct Rows {
	int64_t rows, steps;
	int8_t *w;
	int nscales, nzeros;
	float *scale;
	int8_t *zero;
} Rows;

/* Does the program have the contents, once and for all? */
bool is_fixed(const Value *);
/* Rows of v, which has them in its dimension `axis` of two, or in the first of
 * more. The scales are that of `s`, and there are as many as one, or rows. False
 * if it is nothing of the kind. */
bool rows_of(Graph *, const Value *v, const Value *scale, const Value *zero,
             int axis, Rows *);
/* The bias as integers: round(b / (scale of x times scale of a row)). False if one
 * does not fit. `b` may be NULL, or integers already. */
bool rows_bias(Graph *, const Rows *, const Value *b, float scale,
               int32_t *bias);

/* The convolution of x, of whose shape and attributes that is: w has `shape`. It
 * takes the place of what has node `n`'s location. NULL after an error. */
Node *rows_conv(Graph *, const Node *n, const Scaled *x, const Scaled *y,
                const Rows *, Shape shape, int32_t *bias);
/* y[..,rows] = x[..,steps] by the rows, as a convolution. NULL after an error. */
Value *rows_product(Graph *, const Node *n, const Scaled *x, const Scaled *y,
                    const Rows *, int32_t *bias);

#endif

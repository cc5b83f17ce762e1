/* Products and convolutions by their definitions, one multiplication after
 * another. */
#ifndef NAIVE_H
#define NAIVE_H

#include "runtime/rt.h"

/* y[m,n] = op(a)[m,k] op(b)[k,n] */
void naive_gemm(int ta, int tb, int32_t m, int32_t n, int32_t k, const float *a,
                const float *b, float *y);

typedef enum { CONV_FORWARD, CONV_GRAD_INPUT, CONV_GRAD_WEIGHT } ConvWhat;

/* One of x, w, y, the one that what names, from the two others. */
void naive_conv(ConvWhat what, const rt_conv *d, float *x, float *w, float *y);

#endif

/* SPDX-License-Identifier: 0BSD */
/*
 * Compute kernels called by emitted programs: declarations.  All tensors are
 * f32, row-major, NCHW.  Sizes are int32_t, offsets ptrdiff_t.  No heap, no
 * stdio, no mutable globals.  A program carries the text of this header, of
 * workspace.h and of the .c files it needs, with RT_API defined as static.
 */
#ifndef RT_H
#define RT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef RT_API
#define RT_API
#endif

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L
#define RT_RESTRICT restrict
#elif defined(__GNUC__) || defined(_MSC_VER)
#define RT_RESTRICT __restrict
#else
#define RT_RESTRICT
#endif

/*
 * A 2-D convolution.  x is [n, c, h, w], w is [o, c/groups, kh, kw], y is
 * [n, o, oh, ow]; ph and pw are the pads at the top and left, those at the
 * bottom and right follow from oh and ow.
 */
typedef struct rt_conv {
	int32_t n, c, h, w, o, oh, ow, kh, kw;
	int32_t sh, sw, ph, pw, dh, dw, groups;
} rt_conv;

/*
 * y[m,n] = alpha * op(a)[m,k] * op(b)[k,n] + beta * y.  op transposes if ta
 * (tb) is set; with beta 0, y is not read.  ws holds rt_gemm_workspace()
 * bytes, or is NULL.
 */
RT_API void rt_gemm(int ta, int tb, int32_t m, int32_t n, int32_t k,
	float alpha, const float *a, int32_t lda, const float *b, int32_t ldb,
	float beta, float *y, int32_t ldy, float *ws);

/* The same through cblas_sgemm. */
RT_API void rt_gemm_blas(int ta, int tb, int32_t m, int32_t n, int32_t k,
	float alpha, const float *a, int32_t lda, const float *b, int32_t ldb,
	float beta, float *y, int32_t ldy, float *ws);

/* bias may be NULL; dx and dw are overwritten; ws as for rt_gemm. */
RT_API void rt_conv_forward(const rt_conv *d, const float *x, const float *w,
	const float *bias, float *y, float *ws);
RT_API void rt_conv_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx, float *ws);
RT_API void rt_conv_grad_weight(const rt_conv *d, const float *x,
	const float *dy, float *dw, float *ws);

/* What the functions above are made of. */

/* A matrix operand: element (i, j) is p[i * rs + j * cs]. */
typedef struct rt_mat {
	const float *p;
	ptrdiff_t rs, cs;
} rt_mat;

/* A product y = alpha * a[m,k] * b[k,n] + beta * y, transposes resolved. */
typedef struct rt_prod {
	int32_t m, n, k;
	rt_mat a, b;
	float alpha, beta;
	float *y;
	ptrdiff_t ldy;
} rt_prod;

/* gemm_plain.c: 4x4 register tiles, no workspace. */
RT_API void rt_gemm_plain(const rt_prod *g);

/* conv_plain.c: 4x4 register tiles, no workspace. */
RT_API void rt_conv_forward_plain(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y);
RT_API void rt_conv_grad_input_plain(const rt_conv *d, const float *dy,
	const float *w, float *dx);
RT_API void rt_conv_grad_weight_plain(const rt_conv *d, const float *x,
	const float *dy, float *dw);

#endif

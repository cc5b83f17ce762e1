/* SPDX-License-Identifier: 0BSD */
/*
 * Compute kernels called by emitted programs: declarations.  All tensors are
 * f32 (integers: s8.h), row-major, NCHW.  Sizes are int32_t, offsets
 * ptrdiff_t.  No heap, no stdio, no mutable globals.
 *
 * A program carries the text of the .c files it needs and of the headers
 * they include, with RT_API defined as static.  Prototypes are then left out
 * (a static function that is declared must exist), so a file comes after
 * those it calls.  That order is: gemm_plain, gemv, tile, gemm_tile, gemm,
 * plane, conv_spread, conv_spread_five, conv_five, conv_plain, conv_row_weight,
 * conv_plain_weight, conv_tile, conv_tile_weight, conv_depth_three, conv_depth_spread,
 * conv_depth_five, conv_depth_plain, conv_depth_row, conv_depth_five_weight,
 * conv_depth_weight, conv_depth_tile, conv_depth, conv; those of integers, in any order.
 */
#ifndef RT_H
#define RT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef RT_API
#define RT_API
#define RT_PROTOTYPES
#endif

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L
#define RT_RESTRICT restrict
#elif defined(__GNUC__) || defined(_MSC_VER)
#define RT_RESTRICT __restrict
#else
#define RT_RESTRICT
#endif

/* Whatever a compiler thinks of it: what registers hang on, and what is rare. */
#ifdef __GNUC__
#define RT_INLINED static inline __attribute__((always_inline))
#define RT_APART static __attribute__((noinline))
#else
#define RT_INLINED static inline
#define RT_APART static
#endif

/*
 * Floats per vector register (0: none worth using, or RT_PLAIN is defined)
 * and rows of the largest register tile: RT_MR x 3 sums, 3 columns and a
 * factor fit the registers.
 */
#if defined(RT_PLAIN)
#define RT_VL 0
#define RT_MR 4
#elif defined(__GNUC__) && defined(__AVX512F__)
#define RT_VL 16
#define RT_MR 8
#elif defined(__GNUC__) && defined(__AVX__)
#define RT_VL 8
#define RT_MR 4
#elif defined(__GNUC__) && defined(__aarch64__)
#define RT_VL 4
#define RT_MR 8
#elif defined(__GNUC__) && (defined(__SSE2__) || defined(__ARM_NEON))
#define RT_VL 4
#define RT_MR 4
#else
#define RT_VL 0
#define RT_MR 4
#endif

/* Helium's vectors of floats (four_helium.h). */
#if defined(RT_PLAIN) && defined(__clang__) && defined(__ARM_FEATURE_MVE)
#define RT_HELIUM (__ARM_FEATURE_MVE >> 1)
#else
#define RT_HELIUM 0
#endif

/* RISC-V's, however many floats they have (rvv.h); gcc has them from 14 on. */
#if defined(RT_PLAIN) && defined(__riscv_v_intrinsic) \
	&& defined(__riscv_v_elen_fp)
#define RT_RVV (__riscv_v_elen_fp >= 32)
#else
#define RT_RVV 0
#endif

/*
 * The largest stride of the depthwise convolutions of a program, and of the
 * others; the columns that four outputs of one of these span; and whether one
 * has three columns of taps side by side, five, or others; whether a depthwise
 * one has five; and whether one has more padding behind than in front, at a
 * stride.  What only other ones call is not compiled.  Nor is what a gradient
 * of weights needs to go on from what is there (RT_GO_ON), unless a program says
 * that it has such ones, of convolutions or of products.
 */
#ifndef RT_DEPTH_STRIDE
#define RT_DEPTH_STRIDE INT32_MAX
#endif
#ifndef RT_CONV_STRIDE
#define RT_CONV_STRIDE INT32_MAX
#endif
#ifndef RT_CONV_SPAN
#define RT_CONV_SPAN INT32_MAX
#endif
#ifndef RT_CONV_THREE
#define RT_CONV_THREE 1
#endif
#ifndef RT_CONV_FIVE
#define RT_CONV_FIVE 1
#endif
#ifndef RT_DEPTH_FIVE
#define RT_DEPTH_FIVE 1
#endif
#ifndef RT_PADS_BARE
#define RT_PADS_BARE 1
#endif
#ifndef RT_CONV_OTHER
#define RT_CONV_OTHER 1
#endif
#ifndef RT_CONV_GOES_ON
#define RT_CONV_GOES_ON 0
#endif
#ifndef RT_GEMM_GOES_ON
#define RT_GEMM_GOES_ON 0
#endif

/*
 * c + a * b in the sums of kernels without vectors.  RT_FUSED says that it is
 * rounded once, on every machine that the program is compiled for, so that all
 * have the same bits.  It is set for cores whose instruction that is: on a
 * Cortex-M4F or M7 a 64^3 product then takes 1.7 instructions a product
 * instead of 3.0 (tests/bench/mcu).  Without such an instruction it is a call:
 * on x86-64 0.6 ns where the C library finds it at run time, 5 ns where the
 * processor lacks it; so not for cores without a floating-point unit.
 * Instructions are not cycles: the manual of the M4 gives 3 for this one and
 * 1 for each of the two; -DRT_FUSED=0 wherever the program is compiled
 * chooses these.
 */
#ifndef RT_FUSED
#define RT_FUSED 0
#endif
#if !RT_FUSED
#define RT_FMA(a, b, c) ((c) + (a) * (b))
#elif defined(__GNUC__)
#ifdef __has_builtin
#if __has_builtin(__builtin_elementwise_fma)	/* errno is no matter */
#define RT_FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#endif
#endif
#ifndef RT_FMA
#define RT_FMA(a, b, c) __builtin_fmaf(a, b, c)
#endif
#else
#include <math.h>
#define RT_FMA(a, b, c) fmaf(a, b, c)
#endif

#if RT_VL
/* A register, and the same anywhere in memory; likewise of 4 floats. */
typedef float rt_vec __attribute__((vector_size(RT_VL * 4)));
typedef float rt_vecu __attribute__((vector_size(RT_VL * 4), aligned(4)));
typedef float rt_vec4 __attribute__((vector_size(16)));
typedef float rt_vec4u __attribute__((vector_size(16), aligned(4)));
#define RT_LOAD(p) (*(const rt_vecu *)(p))
#define RT_STORE(p, v) (*(rt_vecu *)(p) = (v))
#define RT_LOAD4(p) (*(const rt_vec4u *)(p))
#define RT_STORE4(p, v) (*(rt_vec4u *)(p) = (v))
#if defined(__clang__) || __GNUC__ >= 12
#define RT_SHUFFLE4(a, b, i, j, k, l) \
	__builtin_shufflevector(a, b, i, j, k, l)
#else
#define RT_LANE4(a, b, i) ((i) < 4 ? (a)[(i) & 3] : (b)[(i) & 3])
#define RT_SHUFFLE4(a, b, i, j, k, l) ((rt_vec4){ RT_LANE4(a, b, i), \
	RT_LANE4(a, b, j), RT_LANE4(a, b, k), RT_LANE4(a, b, l) })
#endif
#endif

/*
 * A 2-D convolution.  x is [n, c, h, w], w is [o, c/groups, kh, kw], y is
 * [n, o, oh, ow]; ph and pw are the pads at the top and left, those at the
 * bottom and right follow from oh and ow.  For rt_conv_grad_weight of some
 * output channels alone, o says how many and dyc how many dy has in each
 * image; 0 is the same as o.
 */
typedef struct rt_conv {
	int32_t n, c, h, w, o, oh, ow, kh, kw;
	int32_t sh, sw, ph, pw, dh, dw, groups;
	int32_t dyc;
} rt_conv;

/* A matrix operand: element (i, j) is p[i * rs + j * cs]. */
typedef struct rt_mat {
	const float *p;
	ptrdiff_t rs, cs;
} rt_mat;

/*
 * A product y = alpha * a[m,k] * b[k,n] + beta * y, transposes resolved.
 * Element (i, j) of y is y[i * yrs + j * ycs].
 */
typedef struct rt_prod {
	int32_t m, n, k;
	rt_mat a, b;
	float alpha, beta;
	float *y;
	ptrdiff_t yrs, ycs;
} rt_prod;

/*
 * An epilogue: a result goes to y as alpha * result + beta * y.  With beta 0
 * y is not read.
 */
static inline float rt_blend(float alpha, float result, float beta,
	const float *y)
{
	return beta == 0 ? alpha * result : alpha * result + beta * *y;
}

/*
 * This as beta, with alpha 1: a gradient's sums begin with y instead of 0, and
 * go on in their order, as if they were one with those that led to y.  Kernels
 * that make a sum of several do not know it: they add to y.
 */
#define RT_GO_ON (-1.0f)

static inline int rt_goes_on(float beta)
{
	return RT_CONV_GOES_ON && beta == RT_GO_ON;
}

/* The same of a product. */
static inline int rt_gemm_goes_on(float beta)
{
	return RT_GEMM_GOES_ON && beta == RT_GO_ON;
}

/* What is left of beta for sums that began with y; and for others. */
static inline float rt_beta_begun(float beta)
{
	return rt_goes_on(beta) ? 0.0f : beta;
}

static inline float rt_beta_apart(float beta)
{
	return rt_goes_on(beta) ? 1.0f : beta;
}

#if RT_VL
#define RT_NV 3

/*
 * A register tile: up to RT_MR rows by RT_NV vectors of sums.  Row i is
 * a[i][off.a], vector v of the columns is b[v][off.b ...], for each of the k
 * steps; it goes to y[v] + i * ldy by the epilogue of alpha and beta.
 */
typedef struct rt_step {
	ptrdiff_t a, b;
} rt_step;

typedef struct rt_tile {
	const float *a[RT_MR], *b[RT_NV];
	float *y[RT_NV];
	ptrdiff_t ldy;
	const rt_step *off;
	int32_t k;
	float alpha, beta;
} rt_tile;
#endif

#ifdef RT_PROTOTYPES

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

/*
 * Convolutions that rt_conv_kind() does not call depthwise; for those,
 * rt_depth_forward() and so on, below, hold the same but for the workspace.
 * bias may be NULL; dx is overwritten; dw = alpha * gradient + beta * dw, where
 * with beta 0 dw is not read; ws as for rt_gemm.
 *
 * dw += alpha * gradient (beta 1) has the bits of the two in steps of their
 * own wherever a sum is made in one piece: always without vectors, unless the
 * kernel is 1x1 and there are several images; on vectors, depthwise, or of one
 * image in one block (rt_plan_weight(), RT_KC).  Other sums come to dw in
 * pieces, which are rounded there one by one.
 *
 * x and y, dy and dx may overlap.  Both are divided into equal parts (images, or
 * groups or channels of these: rt_conv_forward_parts(), _grad_input_parts() in
 * workspace.h), and the parts are computed in order: once something is stored
 * to a part, nothing before the same part of the source is loaded any more.
 */
RT_API void rt_conv_forward(const rt_conv *d, const float *x, const float *w,
	const float *bias, float *y, float *ws);
RT_API void rt_conv_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx, float *ws);
RT_API void rt_conv_grad_weight(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw, float *ws);

/* What these are made of. */

/* gemm_plain.c: 4x4 register tiles, no workspace. */
RT_API void rt_gemm_plain(const rt_prod *g);

/* gemv.c: streams the matrix once; 0 if g has no such form. */
RT_API int rt_gemv(const rt_prod *g);

#if RT_VL
/* out[i] = the dot product of m[i] and x over k. */
RT_API void rt_dot4(const float *const m[4], const float *x, int32_t k,
	float *out);

/*
 * tile.c.  rows is 8, 4, 2 or 1 and at most RT_MR, vecs at most RT_NV.  All
 * loads of y precede all stores, so the vectors may overlap.
 */
RT_API void rt_tile_run(const rt_tile *t, int32_t rows, int32_t vecs);

/* The most rows of a tile when count are left. */
RT_API int32_t rt_tile_rows(int32_t count);

/* The vectors of the next panel when count are left: never a lone last. */
RT_API int32_t rt_tile_vecs(int32_t count);

/*
 * dst[p * ld + j] = src[j * step + p] for p < k and j < RT_VL; columns j past
 * count alias the last.
 */
RT_API void rt_tile_transpose(float *dst, ptrdiff_t ld, const float *src,
	ptrdiff_t step, int32_t k, int32_t count);

/* dst[p * ld + j] = s[j][p] for p, j < 4. */
RT_API void rt_tile_transpose4(float *dst, ptrdiff_t ld,
	const float *const s[4]);

/* gemm_tile.c: the blocked product; ws as rt_gemm_workspace() says. */
RT_API void rt_gemm_tile(const rt_prod *g, float *ws);

/* conv_tile.c, conv_tile_weight.c: 0 if ws cannot hold even one channel. */
RT_API int rt_conv_forward_tile(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y, float *ws);
RT_API int rt_conv_grad_input_tile(const rt_conv *d, const float *dy,
	const float *w, float *dx, float *ws);
RT_API int rt_conv_grad_weight_tile(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw, float *ws);
#endif

/* conv_plain.c, conv_plain_weight.c: 4x4 register tiles, no workspace. */
RT_API void rt_conv_bias(const float *bias, int32_t channels, int32_t size,
	float *y);
RT_API void rt_conv_forward_plain(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y);
RT_API void rt_conv_grad_input_plain(const rt_conv *d, const float *dy,
	const float *w, float *dx);
RT_API void rt_conv_grad_weight_plain(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw);

/* conv_spread.c: of 3x3 at stride 2; 0 if it is none. */
RT_API int rt_conv_spread(const rt_conv *d, const float *dy, const float *w,
	float *dx);

/* conv_spread_five.c: of 5x5 at stride 2; 0 if it is none. */
RT_API int rt_conv_spread_five(const rt_conv *d, const float *dy,
	const float *w, float *dx);

/* conv_row_weight.c: 0 if the kernel has other columns than three or five. */
RT_API int rt_conv_grad_weight_row(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw);

/* conv_depth.c: depthwise, no workspace; picks one of the two below. */
RT_API void rt_depth_forward(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y);
RT_API void rt_depth_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx);
RT_API void rt_depth_grad_weight(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw);

/* conv_depth_plain.c, conv_depth_weight.c. */
RT_API void rt_depth_forward_plain(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y);
RT_API void rt_depth_grad_input_plain(const rt_conv *d, const float *dy,
	const float *w, float *dx);
RT_API void rt_depth_grad_weight_plain(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw);

/* conv_depth_spread.c: of 3x3 at stride 2; 0 if it is none. */
RT_API int rt_depth_spread(const rt_conv *d, const float *dy, const float *w,
	float *dx);

/* conv_depth_five.c: of 5x5 at strides 1 and 2; 0 if it is none. */
RT_API int rt_depth_five(const rt_conv *d, const float *x, const float *w,
	const float *bias, float *y);
RT_API int rt_depth_five_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx);

/* conv_depth_five_weight.c: the same. */
RT_API int rt_depth_five_grad_weight(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw);

#if RT_HELIUM
/* conv_depth_row.c: 0 if the kernel has other columns than three. */
RT_API int rt_depth_grad_weight_row(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw);
#endif

#if RT_VL
/* conv_depth_tile.c: 0 if a kernel is too large for its planes. */
RT_API int rt_depth_forward_tile(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y);
RT_API int rt_depth_grad_input_tile(const rt_conv *d, const float *dy,
	const float *w, float *dx);
RT_API int rt_depth_grad_weight_tile(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw);
#endif

#endif
#endif

/* SPDX-License-Identifier: 0BSD */
/* Planes of a convolution (see rt_axis), copied to the workspace. */
#ifndef RT_PLANE_H
#define RT_PLANE_H

#include "runtime/workspace.h"

#if RT_VL

/* n values; short runs without a call, as the rows of small images are. */
static inline void rt_copy(float *dst, const float *src, int32_t n)
{
	int32_t i = 0;

	if (n >= RT_VL) {
		for (; i + RT_VL <= n; i += RT_VL)
			RT_STORE(dst + i, RT_LOAD(src + i));
		RT_STORE(dst + n - RT_VL, RT_LOAD(src + n - RT_VL));
	} else if (n >= 4) {
		for (; i + 4 <= n; i += 4)
			RT_STORE4(dst + i, RT_LOAD4(src + i));
		RT_STORE4(dst + n - 4, RT_LOAD4(src + n - 4));
	} else if (n > 0) {
		dst[0] = src[0];
		dst[n / 2] = src[n / 2];
		dst[n - 1] = src[n - 1];
	}
}

/* Rows of n values, ds and ss apart. */
static inline void rt_copy_rows(float *dst, ptrdiff_t ds, const float *src,
	ptrdiff_t ss, int32_t n, int32_t rows)
{
	int32_t r = 0;

	if (n >= 4 && n <= 8)
		for (; r < rows; r++, dst += ds, src += ss) {
			const rt_vec4 tail = RT_LOAD4(src + n - 4);
			RT_STORE4(dst, RT_LOAD4(src));
			RT_STORE4(dst + n - 4, tail);
		}
	for (; r < rows; r++, dst += ds, src += ss)
		rt_copy(dst, src, n);
}

static inline void rt_zero(float *dst, int32_t n)
{
	const rt_vec zero = { 0 };
	const rt_vec4 zero4 = { 0 };
	int32_t i = 0;

	if (n >= RT_VL) {
		for (; i + RT_VL <= n; i += RT_VL)
			RT_STORE(dst + i, zero);
		RT_STORE(dst + n - RT_VL, zero);
	} else if (n >= 4) {
		for (; i + 4 <= n; i += 4)
			RT_STORE4(dst + i, zero4);
		RT_STORE4(dst + n - 4, zero4);
	} else if (n > 0) {
		dst[0] = dst[n / 2] = dst[n - 1] = 0;
	}
}

/* A block of outputs and source channels, within a job. */
typedef struct rt_block {
	int32_t row, rows, col, cols, channel, channels;
	int32_t height, width;	/* of one plane */
	int32_t plane;		/* floats per channel */
} rt_block;

#ifdef RT_PROTOTYPES
/* The block from row, col, channel on, cut at the ends. */
RT_API rt_block rt_block_at(const rt_axis *v, const rt_axis *h,
	const rt_plan *p, int32_t row, int32_t col, int32_t channel,
	int32_t channels);

/*
 * Copies its source channels, cs apart.  Where there is no source is zero: if
 * clean, it already is, from the same block of other channels.
 */
RT_API void rt_plane_load(const rt_axis *v, const rt_axis *h,
	const rt_block *b, const float *src, ptrdiff_t cs, int clean,
	float *dst);
#endif

/* Where tap (t, u) of the block's channel c starts in the planes. */
static inline ptrdiff_t rt_plane_tap(const rt_axis *v, const rt_axis *h,
	const rt_block *b, int32_t c, int32_t t, int32_t u)
{
	const ptrdiff_t phase = t % v->phases * h->phases + u % h->phases;

	return c * (ptrdiff_t)b->plane
		+ (phase * b->height + t / v->phases * v->shift) * b->width
		+ u / h->phases * h->shift;
}

#endif
#endif

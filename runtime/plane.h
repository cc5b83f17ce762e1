/* SPDX-License-Identifier: 0BSD */
/* Planes of a convolution (see rt_axis), copied to the workspace. */
#ifndef RT_PLANE_H
#define RT_PLANE_H

#include "runtime/workspace.h"

#if RT_VL

/* A block of outputs and source channels, within a job. */
typedef struct rt_block {
	int32_t row, rows, col, cols, channel, channels;
	int32_t height, width;	/* of one plane */
	int32_t plane;		/* floats per channel */
} rt_block;

/* The block from row, col, channel on, cut at the ends. */
RT_API rt_block rt_block_at(const rt_axis *v, const rt_axis *h,
	const rt_plan *p, int32_t row, int32_t col, int32_t channel,
	int32_t channels);

/* Copies its source channels, cs apart; zero where there is no source. */
RT_API void rt_plane_load(const rt_axis *v, const rt_axis *h,
	const rt_block *b, const float *src, ptrdiff_t cs, float *dst);

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

/* SPDX-License-Identifier: 0BSD */
/*
 * Copies source channels into padded planes, one per phase of the strides.
 * There each tap is a constant offset, and the outputs of a row lie side by
 * side: no matrix of patches is ever built.
 */
#include "runtime/rt.h"
#include "runtime/plane.h"

#if RT_VL

RT_API rt_block rt_block_at(const rt_axis *v, const rt_axis *h,
	const rt_plan *p, int32_t row, int32_t col, int32_t channel,
	int32_t channels)
{
	rt_block b;

	b.row = row, b.rows = rt_min(p->rows, v->out - row);
	b.col = col, b.cols = rt_min(p->cols, h->out - col);
	b.channel = channel;
	b.channels = rt_min(p->channels, channels - channel);
	b.height = b.rows + rt_axis_extra(v);
	b.width = b.cols + rt_axis_extra(h);
	b.plane = v->phases * h->phases * b.height * b.width;
	return b;
}

/* Every second of 2 n - 1 values. */
static void plane_halve(float *dst, const float *src, int32_t n)
{
	int32_t i = 0;

	for (; i + 4 < n; i += 4)
		RT_STORE4(dst + i, RT_SHUFFLE4(RT_LOAD4(src + 2 * i),
			RT_LOAD4(src + 2 * i + 4), 0, 2, 4, 6));
	for (; i < n; i++)
		dst[i] = src[2 * i];
}

static void plane_copy_rows(float *dst, ptrdiff_t ds, const float *src,
	ptrdiff_t ss, int32_t n, int32_t rows, int32_t stride)
{
	if (stride == 1) {
		rt_copy_rows(dst, ds, src, ss, n, rows);
		return;
	}
	for (; rows > 0; rows--, dst += ds, src += ss)
		if (stride == 2)
			plane_halve(dst, src, n);
		else
			for (int32_t i = 0; i < n; i++)
				dst[i] = src[i * (ptrdiff_t)stride];
}

/* Positions lo .. hi - 1 of n that have a source on an axis. */
typedef struct PlaneSpan {
	int32_t lo, hi;
	int32_t first;	/* source of position 0 */
} PlaneSpan;

static PlaneSpan plane_span(const rt_axis *x, int32_t at, int32_t phase,
	int32_t n)
{
	PlaneSpan s;

	s.first = x->origin + phase * x->pstep + at * x->stride;
	s.lo = s.first < 0 ? (x->stride - 1 - s.first) / x->stride : 0;
	s.hi = s.first < x->size ? (x->size - 1 - s.first) / x->stride + 1 : 0;
	s.hi = rt_min(s.hi, n);
	s.lo = rt_min(s.lo, s.hi > 0 ? s.hi : 0);
	s.hi = s.hi > s.lo ? s.hi : s.lo;
	return s;
}

/* Zero around the rows r and columns q of a plane. */
static void plane_border(const rt_block *b, PlaneSpan r, PlaneSpan q,
	float *dst)
{
	rt_zero(dst, r.lo * b->width);
	for (int32_t i = r.lo; i < r.hi; i++) {
		float *row = dst + (ptrdiff_t)i * b->width;
		rt_zero(row, q.lo);
		rt_zero(row + q.hi, b->width - q.hi);
	}
	rt_zero(dst + (ptrdiff_t)r.hi * b->width,
		(b->height - r.hi) * b->width);
}

static void plane_load(const rt_axis *v, const rt_axis *h, const rt_block *b,
	int32_t f, int32_t g, const float *src, int clean, float *dst)
{
	const PlaneSpan r = plane_span(v, b->row, f, b->height);
	const PlaneSpan q = plane_span(h, b->col, g, b->width);

	if (!clean)
		plane_border(b, r, q, dst);
	if (r.lo < r.hi && q.lo < q.hi)
		plane_copy_rows(dst + (ptrdiff_t)r.lo * b->width + q.lo,
			b->width, src + (r.first + (ptrdiff_t)r.lo * v->stride)
			* h->size + q.first + (ptrdiff_t)q.lo * h->stride,
			(ptrdiff_t)v->stride * h->size, q.hi - q.lo,
			r.hi - r.lo, h->stride);
}

RT_API void rt_plane_load(const rt_axis *v, const rt_axis *h,
	const rt_block *b, const float *src, ptrdiff_t cs, int clean,
	float *dst)
{
	const ptrdiff_t size = (ptrdiff_t)b->height * b->width;

	for (int32_t c = 0; c < b->channels; c++)
		for (int32_t f = 0; f < v->phases; f++)
			for (int32_t g = 0; g < h->phases; g++, dst += size)
				plane_load(v, h, b, f, g,
					src + (b->channel + c) * cs, clean,
					dst);
}

#endif

/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient of a depthwise convolution's weights, 3x3, on RISC-V's vectors: lanes
 * are channels, and of a row of taps three sums stay in registers, with the
 * three columns around.
 */
#ifndef RT_NINE_RVV_H
#define RT_NINE_RVV_H

#include "runtime/direct.h"
#include "runtime/rvv.h"

#if RT_RVV

/* Where a row is, of each of n channels: its columns of x go on. */
typedef struct NineLanes {
	const float *x, *dy;
	ptrdiff_t xc, dyc;
	size_t n;
} NineLanes;

/* Of a row of taps, the sums. */
typedef struct NineWide {
	rt_wide *left, *mid, *right;
} NineWide;

RT_INLINED rt_wide nine_wide_next(NineLanes *s)
{
	return rt_wide_gather(s->x++, s->xc, s->n);
}

/* An output, by its columns; left and right may be NULL. */
RT_INLINED void nine_wide_output(NineLanes *s, NineWide t, const rt_wide *left,
	const rt_wide *mid, const rt_wide *right)
{
	const rt_wide dy = rt_wide_gather(s->dy++, s->dyc, s->n);

	if (left)
		*t.left = rt_wide_each(*t.left, dy, *left, s->n);
	*t.mid = rt_wide_each(*t.mid, dy, *mid, s->n);
	if (right)
		*t.right = rt_wide_each(*t.right, dy, *right, s->n);
}

/* Columns that all have three taps, at stride 1: one is new each time. */
RT_INLINED void nine_wide_between(NineLanes *s, NineWide t, int32_t columns)
{
	const float *const end = s->dy + columns;
	rt_wide x = nine_wide_next(s), y = nine_wide_next(s), z;

	while (s->dy < end) {
		z = nine_wide_next(s);
		nine_wide_output(s, t, &x, &y, &z);
		if (s->dy == end)
			return;
		x = nine_wide_next(s);
		nine_wide_output(s, t, &y, &z, &x);
		if (s->dy == end)
			return;
		y = nine_wide_next(s);
		nine_wide_output(s, t, &z, &x, &y);
	}
}

/* At stride 2: two are. */
RT_INLINED void nine_wide_between_two(NineLanes *s, NineWide t,
	int32_t columns)
{
	rt_wide x = nine_wide_next(s), y, z;

	for (; columns > 0; columns--) {
		y = nine_wide_next(s), z = nine_wide_next(s);
		nine_wide_output(s, t, &x, &y, &z);
		x = z;
	}
}

/* The columns of a row; the first has no left one if there is padding, and the
 * last perhaps no right one. */
RT_INLINED void nine_wide_row(const rt_conv *d, NineLanes s, NineWide t,
	int32_t stride)
{
	const int last = (d->ow - 1) * stride - d->pw + 2 == d->w;
	const int32_t columns = d->ow - d->pw - last;

	if (d->pw) {
		const rt_wide mid = nine_wide_next(&s);
		const rt_wide right = nine_wide_next(&s);
		nine_wide_output(&s, t, NULL, &mid, &right);
		s.x += stride - 3;
	}
	if (stride == 1)
		nine_wide_between(&s, t, columns);
	else
		nine_wide_between_two(&s, t, columns);
	if (last) {
		rt_wide left, mid;
		s.x += stride - 3;
		left = nine_wide_next(&s), mid = nine_wide_next(&s);
		nine_wide_output(&s, t, &left, &mid, NULL);
	}
}

/* The weights of taps row j of channels that are at s. */
RT_INLINED void nine_wide_taps(const rt_conv *d, const NineLanes *s,
	int32_t stride, int32_t j, float alpha, float beta, float *dw)
{
	const ptrdiff_t xn = (ptrdiff_t)d->c * d->h * d->w;
	const ptrdiff_t dyn = (ptrdiff_t)d->o * d->oh * d->ow;
	const ptrdiff_t ws = d->o / d->c * 9;
	rt_wide left = rt_wide_begin(dw + 3 * j, ws, beta, s->n);
	rt_wide mid = rt_wide_begin(dw + 3 * j + 1, ws, beta, s->n);
	rt_wide right = rt_wide_begin(dw + 3 * j + 2, ws, beta, s->n);
	const float begun = rt_beta_begun(beta);
	const NineWide t = { &left, &mid, &right };
	int32_t lo, hi;

	rt_tap_range(d->oh, stride, j - d->ph, d->h, &lo, &hi);
	for (int32_t n = 0; n < d->n; n++) {
		for (int32_t r = lo; r < hi; r++) {
			NineLanes row = *s;
			row.x += n * xn
				+ (ptrdiff_t)(r * stride + j - d->ph) * d->w;
			row.dy += n * dyn + (ptrdiff_t)r * d->ow;
			nine_wide_row(d, row, t, stride);
		}
	}
	rt_wide_put(dw + 3 * j, ws, alpha, left, begun, s->n);
	rt_wide_put(dw + 3 * j + 1, ws, alpha, mid, begun, s->n);
	rt_wide_put(dw + 3 * j + 2, ws, alpha, right, begun, s->n);
}

RT_APART void nine_wide(const rt_conv *d, const NineLanes *s, int32_t j,
	float alpha, float beta, float *dw)
{
	nine_wide_taps(d, s, 1, j, alpha, beta, dw);
}

RT_APART void nine_wide_two(const rt_conv *d, const NineLanes *s, int32_t j,
	float alpha, float beta, float *dw)
{
	nine_wide_taps(d, s, 2, j, alpha, beta, dw);
}

static void nine_weights(const rt_conv *d, float alpha, const float *x,
	const float *dy, float beta, float *dw)
{
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	const int32_t mult = d->o / d->c;
	NineLanes s;

	s.xc = (ptrdiff_t)d->h * d->w, s.dyc = mult * ys;
	for (int32_t c = 0; c < d->c; c += (int32_t)s.n) {
		s.n = rt_wide_lanes(d->c - c, d->c);
		for (int32_t i = 0; i < 3 * mult; i++) {
			const int32_t o = c * mult + i / 3;
			s.x = x + c * s.xc, s.dy = dy + o * ys;
			(d->sw == 1 ? nine_wide : nine_wide_two)(d, &s, i % 3,
				alpha, beta, dw + o * 9);
		}
	}
}

#endif

#endif

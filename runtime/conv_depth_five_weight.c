/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient of the weights of a depthwise 5x5 convolution at strides 1 and 2,
 * without workspace, for machines without vector registers.  The five sums of
 * a row of taps stay in registers over all positions and images: four
 * positions take 8 floats of x, 11 at stride 2, and 4 of dy for 20 products.
 * On Helium four channels are the lanes.
 */
#include "runtime/rt.h"
#include "runtime/four.h"
#include "runtime/workspace.h"
#include "runtime/direct.h"

#if !RT_RVV

/* A channel, or on Helium up to four: a sum of each, and where they are. */
#if RT_HELIUM
#define FIVE_LANES 4
#define FIVE_FEW 1
typedef rt_four five_unit;
typedef rt_lanes five_lanes;

RT_INLINED five_unit five_load(const five_lanes *x, int32_t i)
{
	return rt_lanes_behind(x, i);
}

RT_INLINED five_unit five_add(five_unit t, five_unit y, five_unit z)
{
	return rt_four_each(t, y, z);
}

RT_INLINED void five_move(five_lanes *x, ptrdiff_t step)
{
	rt_lanes_move(x, step);
}

/* n side by side from i on, 1 or 2. */
RT_INLINED void five_load_some(const five_lanes *x, int32_t i, int32_t n,
	five_unit *to)
{
	to[0] = five_load(x, i);
	if (n > 1)
		to[1] = five_load(x, i + 1);
}

RT_INLINED five_lanes five_lanes_at(const float *p, ptrdiff_t step, int32_t n)
{
	return rt_lanes_at(p, step, n);
}

RT_INLINED five_unit five_zero(void)
{
	return rt_four_of(0);
}

RT_INLINED void five_store(float *to, five_unit t)
{
	rt_four_store(to, t);
}
#else
#define FIVE_LANES 1
#define FIVE_FEW 4		/* positions that go together */
typedef float five_unit;
typedef const float *five_lanes;

RT_INLINED five_unit five_load(const five_lanes *x, int32_t i)
{
	return (*x)[i];
}

RT_INLINED five_unit five_add(five_unit t, five_unit y, five_unit z)
{
	return RT_FMA(y, z, t);
}

RT_INLINED void five_move(five_lanes *x, ptrdiff_t step)
{
	*x += step;
}

RT_INLINED void five_load_some(const five_lanes *x, int32_t i, int32_t n,
	five_unit *to)
{
	if (n > 1) {
		const rt_pair v = rt_pair_load(*x + i);
		to[0] = v.a, to[1] = v.b;
		return;
	}
	to[0] = five_load(x, i);
}

RT_INLINED five_lanes five_lanes_at(const float *p, ptrdiff_t step, int32_t n)
{
	(void)step, (void)n;
	return p;
}

RT_INLINED five_unit five_zero(void)
{
	return 0;
}

RT_INLINED void five_store(float *to, five_unit t)
{
	*to = t;
}
#endif

/* Channels at a row of taps: the first position; columns that have all taps, and
 * the taps that those before and behind lack. */
typedef struct FiveTaps {
	const float *x, *dy;
	int32_t images, rows, lanes, inside, left, right, most;
	ptrdiff_t xn, xc, xr, dyn, dyc;
} FiveTaps;

typedef struct FiveTapSums {
	five_unit a, b, c, d, e;
} FiveTapSums;

/* n positions at a tap; their columns are from x on. */
RT_INLINED five_unit five_tap_add(five_unit t, const five_unit *dy,
	const five_unit *x, int32_t stride, int32_t n)
{
	t = five_add(t, dy[0], x[0]);
	if (n < 2)
		return t;
	t = five_add(t, dy[1], x[stride]);
	t = five_add(t, dy[2], x[2 * stride]);
	return five_add(t, dy[3], x[3 * stride]);
}

/* n positions, 1 or 4. */
RT_INLINED void five_positions(FiveTapSums *s, five_lanes *y, five_lanes *x,
	int32_t stride, int32_t n)
{
	five_unit dy[4], v[11];

	five_load_some(y, 0, n, dy);
	five_load_some(x, 0, 2, v);
	five_load_some(x, 2, 2, v + 2);
	five_load_some(x, 4, n, v + 4);
	if (n > 1) {
		five_load_some(y, 2, 2, dy + 2);
		five_load_some(x, 6, 2, v + 6);
	}
	if (n > 1 && stride > 1) {
		five_load_some(x, 8, 2, v + 8);
		five_load_some(x, 10, 1, v + 10);
	}
	s->a = five_tap_add(s->a, dy, v, stride, n);
	s->b = five_tap_add(s->b, dy, v + 1, stride, n);
	s->c = five_tap_add(s->c, dy, v + 2, stride, n);
	s->d = five_tap_add(s->d, dy, v + 3, stride, n);
	s->e = five_tap_add(s->e, dy, v + 4, stride, n);
	five_move(y, n);
	five_move(x, n * stride);
}

/* A position that lacks the first one or two taps, or the last ones. */
RT_INLINED void five_before(FiveTapSums *s, five_lanes *y, five_lanes *x,
	int32_t stride, int32_t lack)
{
	const five_unit dy = five_load(y, 0);

	if (lack == 1)
		s->b = five_add(s->b, dy, five_load(x, 1));
	s->c = five_add(s->c, dy, five_load(x, 2));
	s->d = five_add(s->d, dy, five_load(x, 3));
	s->e = five_add(s->e, dy, five_load(x, 4));
	five_move(y, 1);
	five_move(x, stride);
}

RT_INLINED void five_behind(FiveTapSums *s, five_lanes *y, five_lanes *x,
	int32_t stride, int32_t lack)
{
	const five_unit dy = five_load(y, 0);

	s->a = five_add(s->a, dy, five_load(x, 0));
	s->b = five_add(s->b, dy, five_load(x, 1));
	s->c = five_add(s->c, dy, five_load(x, 2));
	if (lack == 1)
		s->d = five_add(s->d, dy, five_load(x, 3));
	five_move(y, 1);
	five_move(x, stride);
}

RT_INLINED void five_sums_of(const FiveTaps *p, int32_t stride, float *sum)
{
	const five_unit zero = five_zero();
	FiveTapSums s = { zero, zero, zero, zero, zero };

	for (int32_t i = 0; i < p->images; i++) {
		five_lanes y = five_lanes_at(p->dy + i * p->dyn, p->dyc, p->lanes);
		five_lanes row = five_lanes_at(p->x + i * p->xn, p->xc, p->lanes);
		for (int32_t r = p->rows; r > 0; r--) {
			five_lanes x = row;
			int32_t n = p->inside;
			for (int32_t lack = p->left; lack > 0; lack -= stride)
				five_before(&s, &y, &x, stride, lack);
			for (; FIVE_FEW > 1 && n >= FIVE_FEW; n -= FIVE_FEW)
				five_positions(&s, &y, &x, stride, FIVE_FEW);
			for (; n > 0; n--)
				five_positions(&s, &y, &x, stride, 1);
			for (int32_t lack = p->right; lack <= p->most;
				lack += stride)
				five_behind(&s, &y, &x, stride, lack);
			five_move(&row, p->xr);
		}
	}
	five_store(sum, s.a), five_store(sum + 4, s.b);
	five_store(sum + 8, s.c), five_store(sum + 12, s.d);
	five_store(sum + 16, s.e);
}

RT_APART void five_sums_one(const FiveTaps *p, float *sum)
{
	five_sums_of(p, 1, sum);
}

RT_APART void five_sums_two(const FiveTaps *p, float *sum)
{
	five_sums_of(p, 2, sum);
}

/* What all rows of taps share. */
static void five_taps(const rt_conv *d, FiveTaps *p)
{
	const int32_t first = (d->pw + d->sw - 1) / d->sw;
	const int32_t end = (d->w + d->pw - 5 + d->sw) / d->sw;

	p->images = d->n, p->left = d->pw;
	p->inside = rt_min(end, d->ow) - first;
	p->right = end * d->sw - d->pw + 5 - d->w, p->most = rt_conv_right(d);
	p->xc = (ptrdiff_t)d->h * d->w, p->xn = d->c * p->xc;
	p->xr = (ptrdiff_t)d->sh * d->w;
	p->dyc = (ptrdiff_t)d->oh * d->ow, p->dyn = d->o * p->dyc;
	p->dyc *= d->o / d->c;
}

/* All channels at row j of taps; every mult-th output channel from dy on. */
static void five_taps_row(const rt_conv *d, FiveTaps *p, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const ptrdiff_t taps = d->o / d->c * 25;
	float sum[20];		/* those of a tap are four apart */

	for (int32_t c = 0; c < d->c; c += FIVE_LANES) {
		p->x = x + c * p->xc, p->dy = dy + c * p->dyc;
		p->lanes = rt_min(FIVE_LANES, d->c - c);
		(RT_DEPTH_STRIDE == 1 || d->sw == 1 ? five_sums_one
			: five_sums_two)(p, sum);
		for (int32_t i = 0; i < p->lanes; i++, dw += taps)
			for (int32_t t = 0; t < 5; t++)
				dw[t] = rt_blend(alpha, sum[t * 4 + i], beta,
					dw + t);
	}
}

RT_API int rt_depth_five_grad_weight(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const int32_t mult = d->o / d->c;
	FiveTaps p;

	if (d->kh != 5 || d->kw != 5 || d->sh != d->sw || d->sw > 2
		|| d->dh != 1 || !rt_conv_row(d))
		return 0;
	five_taps(d, &p);
	for (int32_t i = 0; i < mult * 5; i++) {
		const int32_t m = i / 5, j = i % 5, or = j - d->ph;
		int32_t r0, r1;
		rt_tap_range(d->oh, d->sh, or, d->h, &r0, &r1);
		p.rows = r1 - r0;
		five_taps_row(d, &p, alpha, x + (ptrdiff_t)(or + r0 * d->sh)
			* d->w - d->pw, dy + (ptrdiff_t)(m * d->oh + r0)
			* d->ow, beta, dw + i * 5);
	}
	return 1;
}

#endif

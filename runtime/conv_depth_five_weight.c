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

/* All channels at a row of taps: the first column and weight; columns that have all
 * taps; what the first one before these lacks, those on the right of them: the
 * first and the last. */
typedef struct FiveTaps {
	const float *x, *dy;
	float *dw, alpha, beta;
	int32_t images, channels, lanes, rows, before, inside, right, behind;
	ptrdiff_t xn, xc, xr, dyn, dyc, dwc;
} FiveTaps;

/* ---- on Helium, four channels ---- */

#if RT_HELIUM
#define FIVE_LANES 4
#define FIVE_SUMS RT_APART	/* or clang runs out of registers */
typedef rt_four fives_unit;
typedef rt_lanes fives_lanes;
#else
#define FIVE_LANES 1
#define FIVE_SUMS RT_INLINED
typedef float fives_unit;
typedef const float *fives_lanes;
#endif

typedef struct FiveTapSums {
	fives_unit a, b, c, d, e;
} FiveTapSums;

#if RT_HELIUM

RT_INLINED fives_lanes fives_lanes_at(const float *p, ptrdiff_t step, int32_t n)
{
	return rt_lanes_at(p, step, n);
}

RT_INLINED void fives_move(fives_lanes *x, ptrdiff_t step)
{
	rt_lanes_move(x, step);
}

RT_INLINED fives_unit fives_zero(void)
{
	return rt_four_of(0);
}

/* A position that lacks the first one or two taps, or the last ones. */
RT_INLINED void five_before(FiveTapSums *s, rt_lanes *y, rt_lanes *x,
	int32_t stride, int32_t lack)
{
	const rt_four dy = rt_lanes_load(y);

	if (lack == 1)
		s->b = rt_four_each(s->b, dy, rt_lanes_behind(x, 1));
	s->c = rt_four_each(s->c, dy, rt_lanes_behind(x, 2));
	s->d = rt_four_each(s->d, dy, rt_lanes_behind(x, 3));
	s->e = rt_four_each(s->e, dy, rt_lanes_behind(x, 4));
	rt_lanes_move(y, 1);
	rt_lanes_move(x, stride);
}

RT_INLINED void five_behind(FiveTapSums *s, rt_lanes *y, rt_lanes *x,
	int32_t stride, int32_t lack)
{
	const rt_four dy = rt_lanes_load(y);

	s->a = rt_four_each(s->a, dy, rt_lanes_behind(x, 0));
	s->b = rt_four_each(s->b, dy, rt_lanes_behind(x, 1));
	s->c = rt_four_each(s->c, dy, rt_lanes_behind(x, 2));
	if (lack == 1)
		s->d = rt_four_each(s->d, dy, rt_lanes_behind(x, 3));
	rt_lanes_move(y, 1);
	rt_lanes_move(x, stride);
}

RT_INLINED void five_position(FiveTapSums *s, rt_lanes *y, rt_lanes *x,
	int32_t stride)
{
	const rt_four dy = rt_lanes_load(y);
	const rt_four a = rt_lanes_behind(x, 0), b = rt_lanes_behind(x, 1);
	const rt_four c = rt_lanes_behind(x, 2), d = rt_lanes_behind(x, 3);
	const rt_four e = rt_lanes_behind(x, 4);

	s->a = rt_four_each(s->a, dy, a);
	s->b = rt_four_each(s->b, dy, b);
	s->c = rt_four_each(s->c, dy, c);
	s->d = rt_four_each(s->d, dy, d);
	s->e = rt_four_each(s->e, dy, e);
	rt_lanes_move(y, 1);
	rt_lanes_move(x, stride);
}

RT_INLINED void fives_row(const FiveTaps *p, int32_t stride, FiveTapSums *s,
	rt_lanes *y, rt_lanes x)
{
	for (int32_t lack = p->before; lack > 0; lack -= stride)
		five_before(s, y, &x, stride, lack);
	for (int32_t n = p->inside; n > 0; n--)
		five_position(s, y, &x, stride);
	for (int32_t lack = p->right; lack <= p->behind; lack += stride)
		five_behind(s, y, &x, stride, lack);
}

/* sum[t * 4 + i] is tap t of channel i. */
RT_INLINED void fives_store(const FiveTapSums *s, float *sum)
{
	rt_four_store(sum, s->a), rt_four_store(sum + 4, s->b);
	rt_four_store(sum + 8, s->c), rt_four_store(sum + 12, s->d);
	rt_four_store(sum + 16, s->e);
}

RT_INLINED void fives_put(const FiveTaps *p, const float *sum, float *dw)
{
	const float alpha = p->alpha, beta = p->beta;

	for (int32_t i = 0; i < p->lanes; i++, dw += p->dwc)
		for (int32_t t = 0; t < 5; t++)
			dw[t] = rt_blend(alpha, sum[t * 4 + i], beta, dw + t);
}

#else

/* ---- elsewhere, one ---- */

RT_INLINED fives_lanes fives_lanes_at(const float *p, ptrdiff_t step, int32_t n)
{
	(void)step, (void)n;
	return p;
}

RT_INLINED void fives_move(fives_lanes *x, ptrdiff_t step)
{
	*x += step;
}

RT_INLINED fives_unit fives_zero(void)
{
	return 0;
}

/* Of n columns that p moves on by step from, i and those before it done: it, and
 * the next one. */
RT_INLINED void five_load_two(const float **p, int32_t i, int32_t n,
	int32_t step, float *v)
{
	const int32_t at = i - rt_min(i, step / 2 * 2);

	if (i + 1 < n) {
		const rt_pair x = i + 2 <= step ? rt_pair_next(p)
			: rt_pair_load(*p + at);
		v[i] = x.a, v[i + 1] = x.b;
	}
	if (i + 1 == n)
		v[i] = (*p)[at];
}

/* n side by side, at most 12; p moves on. */
RT_INLINED void five_load(const float **p, int32_t n, int32_t step, float *v)
{
	five_load_two(p, 0, n, step, v);
	five_load_two(p, 2, n, step, v);
	five_load_two(p, 4, n, step, v);
	five_load_two(p, 6, n, step, v);
	five_load_two(p, 8, n, step, v);
	five_load_two(p, 10, n, step, v);
	*p += step % 2;
	RT_KEEP(*p);
}

/* A product with column i, if it is one of lo .. hi - 1. */
RT_INLINED float five_product(float t, float dy, const float *v, int32_t i,
	int32_t lo, int32_t hi)
{
	return i >= lo && i < hi ? RT_FMA(dy, v[i], t) : t;
}

/* What a step is of: n positions, 1, 2 or 4, side by side, that take columns
 * lo .. hi - 1 from where the first one begins. */
typedef struct FiveStep {
	int32_t stride, n, lo, hi;
} FiveStep;

/* A tap. */
RT_INLINED float five_tap_add(FiveStep f, float t, const float *dy,
	const float *v, int32_t l)
{
	t = five_product(t, dy[0], v, l, f.lo, f.hi);
	if (f.n > 1)
		t = five_product(t, dy[1], v, l + f.stride, f.lo, f.hi);
	if (f.n > 2) {
		t = five_product(t, dy[2], v, l + 2 * f.stride, f.lo, f.hi);
		t = five_product(t, dy[3], v, l + 3 * f.stride, f.lo, f.hi);
	}
	return t;
}

/* Both move on. */
RT_INLINED void five_positions(FiveStep f, FiveTapSums *s, const float **y,
	const float **x)
{
	float dy[4], v[11];

	five_load(y, f.n, f.n, dy);
	five_load(x, f.hi - f.lo, f.n * f.stride - f.lo, v + f.lo);
	s->a = five_tap_add(f, s->a, dy, v, 0);
	s->b = five_tap_add(f, s->b, dy, v, 1);
	s->c = five_tap_add(f, s->c, dy, v, 2);
	s->d = five_tap_add(f, s->d, dy, v, 3);
	s->e = five_tap_add(f, s->e, dy, v, 4);
	RT_KEEP_FOUR(*s);
}

/* n positions without the first columns, or the last ones. */
RT_INLINED FiveStep five_step(int32_t stride, int32_t n, int32_t before,
	int32_t behind)
{
	const FiveStep f = { stride, n, before,
		(n - 1) * stride + 5 - behind };

	return f;
}

/* At stride 1 two positions lack columns where two are missing. */
RT_INLINED void fives_row(const FiveTaps *p, int32_t stride, FiveTapSums *s,
	const float **y, const float *x)
{
	const int32_t two = stride == 1 ? 2 : 1;

	if (p->before > 1)
		five_positions(five_step(stride, two, 2, 0), s, y, &x);
	if (p->before == 1)
		five_positions(five_step(stride, 1, 1, 0), s, y, &x);
	for (uint32_t i = (uint32_t)p->inside / 4; i > 0; i--)
		five_positions(five_step(stride, 4, 0, 0), s, y, &x);
	if (p->inside & 2)
		five_positions(five_step(stride, 2, 0, 0), s, y, &x);
	if (p->inside & 1)
		five_positions(five_step(stride, 1, 0, 0), s, y, &x);
	if (p->behind > 1)
		five_positions(five_step(stride, two, 0, 2), s, y, &x);
	if (p->behind == 1)
		five_positions(five_step(stride, 1, 0, 1), s, y, &x);
}

RT_INLINED void fives_store(const FiveTapSums *s, float *sum)
{
	sum[0] = s->a, sum[1] = s->b, sum[2] = s->c, sum[3] = s->d;
	sum[4] = s->e;
}

RT_INLINED void fives_put(const FiveTaps *p, const float *sum, float *dw)
{
	const float alpha = p->alpha, beta = p->beta;

	dw[0] = rt_blend(alpha, sum[0], beta, dw);
	dw[1] = rt_blend(alpha, sum[1], beta, dw + 1);
	dw[2] = rt_blend(alpha, sum[2], beta, dw + 2);
	dw[3] = rt_blend(alpha, sum[3], beta, dw + 3);
	dw[4] = rt_blend(alpha, sum[4], beta, dw + 4);
}

#endif

/* ---- the two ---- */

/* p->lanes channels. */
RT_INLINED void five_sums_of(const FiveTaps *p, int32_t stride, float *sum)
{
	const fives_unit zero = fives_zero();
	FiveTapSums s = { zero, zero, zero, zero, zero };

	for (int32_t i = 0; i < p->images; i++) {
		fives_lanes y = fives_lanes_at(p->dy + i * p->dyn, p->dyc,
			p->lanes);
		fives_lanes row = fives_lanes_at(p->x + i * p->xn, p->xc,
			p->lanes);
		for (int32_t r = p->rows; r > 0; r--) {
			fives_row(p, stride, &s, &y, row);
			fives_move(&row, p->xr);
		}
	}
	fives_store(&s, sum);
}

FIVE_SUMS void five_sums_one(const FiveTaps *p, float *sum)
{
	five_sums_of(p, 1, sum);
}

FIVE_SUMS void five_sums_two(const FiveTaps *p, float *sum)
{
	five_sums_of(p, 2, sum);
}

RT_INLINED void fives_channels(FiveTaps *p, int32_t stride)
{
	float sum[20];

	for (int32_t c = p->channels; c > 0; c -= FIVE_LANES) {
		p->lanes = rt_min(FIVE_LANES, c);
		if (RT_DEPTH_STRIDE == 1 || stride == 1)
			five_sums_one(p, sum);
		else
			five_sums_two(p, sum);
		fives_put(p, sum, p->dw);
		p->x += p->lanes * p->xc, p->dy += p->lanes * p->dyc;
		p->dw += p->lanes * p->dwc;
	}
}

#if !RT_HELIUM

RT_APART void fives_channels_one(const FiveTaps *all)
{
	FiveTaps p = *all;

	fives_channels(&p, 1);
}

RT_APART void fives_channels_two(const FiveTaps *all)
{
	FiveTaps p = *all;

	fives_channels(&p, 2);
}

#endif

/* What all rows of taps share. */
static void five_taps(const rt_conv *d, FiveTaps *p)
{
	const int32_t first = (d->pw + d->sw - 1) / d->sw;
	const int32_t end = (d->w + d->pw - 5 + d->sw) / d->sw;
	const int32_t mult = d->o / d->c;

	p->images = d->n, p->channels = d->c, p->before = d->pw;
	p->inside = rt_min(end, d->ow) - first;
	p->right = end * d->sw - d->pw + 5 - d->w, p->behind = rt_conv_right(d);
	p->xc = (ptrdiff_t)d->h * d->w, p->xn = d->c * p->xc;
	p->xr = (ptrdiff_t)d->sh * d->w;
	p->dyc = (ptrdiff_t)d->oh * d->ow, p->dyn = d->o * p->dyc;
	p->dyc *= mult, p->dwc = (ptrdiff_t)mult * 25;
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
	p.alpha = alpha, p.beta = beta;
	for (int32_t i = 0; i < mult * 5; i++) {
		const int32_t m = i / 5, j = i % 5, or = j - d->ph;
		int32_t r0, r1;
		rt_tap_range(d->oh, d->sh, or, d->h, &r0, &r1);
		p.rows = r1 - r0, p.dw = dw + i * 5;
		p.x = x + (ptrdiff_t)(or + r0 * d->sh) * d->w
			- (RT_HELIUM ? d->pw : 0);
		p.dy = dy + (ptrdiff_t)(m * d->oh + r0) * d->ow;
#if RT_HELIUM
		fives_channels(&p, d->sw);
#else
		(RT_DEPTH_STRIDE == 1 || d->sw == 1 ? fives_channels_one
			: fives_channels_two)(&p);
#endif
	}
	return 1;
}

#endif

/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient of the weights of a convolution whose kernel has three or five
 * columns side by side, at any stride, without workspace, for machines without
 * vector registers.  A tile is a row of taps of one input channel, or of two
 * where they are three, by four output channels: a position takes 4 loads of
 * dy and one of x for every four products, and the 20 or 24 sums stay in
 * registers over all positions and images.  Channels past the last alias it.
 */
#include "runtime/rt.h"
#include "runtime/direct.h"

#if !RT_RVV

/* Up to 4 channels of dy and up to 2 of x at a row of taps. */
typedef struct RowTile {
	const float *x, *dy;		/* of the first position */
	int32_t images, rows, outs;
	int32_t step, inside;		/* columns that have all taps */
	int32_t left, right, most;	/* taps that others lack, see below */
	ptrdiff_t xn, xr, z, dyn, dyc;	/* z: to the other channel */
} RowTile;

/* Of three taps in two channels, or of five; what they meet. */
typedef struct RowSums {
	rt_four a, b, c, d, e, f;
} RowSums;

typedef struct RowTaps {
	float a, b, c, d, e, f;
} RowTaps;

RT_INLINED void row_add(int taps, RowSums *s, rt_four dy,
	const RowTaps *x)
{
	s->a = rt_four_add(s->a, x->a, dy);
	s->b = rt_four_add(s->b, x->b, dy);
	s->c = rt_four_add(s->c, x->c, dy);
	s->d = rt_four_add(s->d, x->d, dy);
	s->e = rt_four_add(s->e, x->e, dy);
	if (taps == 3)
		s->f = rt_four_add(s->f, x->f, dy);
}

/* A position; x and z are the channels. */
RT_INLINED void row_step(int taps, RowSums *s, rt_lanes *y,
	const float *x, const float *z)
{
	const rt_pair u = rt_pair_load(x);
	const rt_pair v = rt_pair_load(taps == 5 ? x + 3 : z);
	const RowTaps t = { u.a, u.b, x[2], v.a, v.b,
		taps == 5 ? 0.0f : z[2] };

	row_add(taps, s, rt_lanes_load(y), &t);
	rt_lanes_next(y);
}

/* The same on the left without the first lack taps, on the right without the
 * last: one of three, one or two of five. */
RT_INLINED void row_left(int taps, RowSums *s, rt_four dy,
	const float *x, const float *z, int32_t lack)
{
	if (taps == 3 || lack == 1)
		s->b = rt_four_add(s->b, x[1], dy);
	s->c = rt_four_add(s->c, x[2], dy);
	if (taps == 5)
		s->d = rt_four_add(s->d, x[3], dy);
	s->e = rt_four_add(s->e, taps == 5 ? x[4] : z[1], dy);
	if (taps == 3)
		s->f = rt_four_add(s->f, z[2], dy);
}

RT_INLINED void row_right(int taps, RowSums *s, rt_four dy,
	const float *x, const float *z, int32_t lack)
{
	s->a = rt_four_add(s->a, x[0], dy);
	s->b = rt_four_add(s->b, x[1], dy);
	if (taps == 5)
		s->c = rt_four_add(s->c, x[2], dy);
	if (taps == 3 || lack == 1)
		s->d = rt_four_add(s->d, taps == 5 ? x[3] : z[0], dy);
	if (taps == 3)
		s->e = rt_four_add(s->e, z[1], dy);
}

/* A row of positions. */
RT_INLINED void row_positions(int taps, const RowTile *p, RowSums *s,
	rt_lanes *y, const float *x)
{
	const ptrdiff_t step = p->step;
	const float *z = x + p->z;
	int32_t n = p->inside;

	for (int32_t lack = p->left; lack > 0; lack -= (int32_t)step) {
		row_left(taps, s, rt_lanes_load(y), x, z, lack);
		rt_lanes_next(y);
		x += step, z += step;
		if (taps == 3)
			break;
	}
	for (; n > 0; n--) {
		row_step(taps, s, y, x, z);
		x += step, z += step;
	}
	for (int32_t lack = p->right; lack <= p->most; lack += (int32_t)step) {
		row_right(taps, s, rt_lanes_load(y), x, z, lack);
		rt_lanes_next(y);
		x += step, z += step;
		if (taps == 3)
			break;
	}
}

/* The sums go on from there; or begin with 0. */
RT_INLINED RowSums row_sums_of(int taps, const float *sum)
{
	const rt_four zero = rt_four_of(0);
	RowSums s = { zero, zero, zero, zero, zero, zero };

	if (!RT_CONV_GOES_ON)
		return s;
	s.a = rt_four_load(sum), s.b = rt_four_load(sum + 4);
	s.c = rt_four_load(sum + 8), s.d = rt_four_load(sum + 12);
	s.e = rt_four_load(sum + 16);
	if (taps == 3)
		s.f = rt_four_load(sum + 20);
	return s;
}

RT_INLINED void row_sum(int taps, const RowTile *p, float *sum)
{
	RowSums s = row_sums_of(taps, sum);

	for (int32_t n = 0; n < p->images; n++) {
		const float *x = p->x + n * p->xn;
		rt_lanes y = rt_lanes_at(p->dy + n * p->dyn, p->dyc, p->outs);
		for (int32_t r = p->rows; r > 0; r--, x += p->xr)
			row_positions(taps, p, &s, &y, x);
	}
	rt_four_store(sum, s.a), rt_four_store(sum + 4, s.b);
	rt_four_store(sum + 8, s.c), rt_four_store(sum + 12, s.d);
	rt_four_store(sum + 16, s.e);
	if (taps == 3)
		rt_four_store(sum + 20, s.f);
}

RT_APART void row_sum_three(const RowTile *p, float *sum)
{
	row_sum(3, p, sum);
}

RT_APART void row_sum_five(const RowTile *p, float *sum)
{
	row_sum(5, p, sum);
}

/* Picks one of these. */
static void row_sums(const RowTile *p, int32_t taps, float *sum)
{
	const int five = RT_CONV_FIVE && (!RT_CONV_THREE || taps == 5);

	(five ? row_sum_five : row_sum_three)(p, sum);
}

/* The positions that have row j of taps, without the channels. */
static void row_at(RowTile *p, const rt_conv *d, int32_t r0, int32_t r1)
{
	const int32_t first = (d->pw + d->sw - 1) / d->sw;
	const int32_t end = (d->w + d->pw - d->kw + d->sw) / d->sw;

	p->images = d->n, p->rows = r1 - r0;
	p->step = d->sw, p->left = d->pw;
	p->inside = rt_min(end, d->ow) - first;
	p->right = end * d->sw - d->pw + d->kw - d->w;
	p->most = rt_conv_right(d);
	p->xr = (ptrdiff_t)d->sh * d->w;
	p->xn = (ptrdiff_t)d->c * d->h * d->w;
	p->dyc = (ptrdiff_t)d->oh * d->ow, p->dyn = rt_conv_dyc(d) * p->dyc;
}

/* n weights side by side, from sums four apart. */
RT_INLINED void row_put(int n, const float *s, float alpha, float beta,
	float *dw)
{
	if (beta == 0) {
		dw[0] = alpha * s[0], dw[1] = alpha * s[4];
		dw[2] = alpha * s[8];
		if (n == 5)
			dw[3] = alpha * s[12], dw[4] = alpha * s[16];
		return;
	}
	dw[0] = alpha * s[0] + beta * dw[0];
	dw[1] = alpha * s[4] + beta * dw[1];
	dw[2] = alpha * s[8] + beta * dw[2];
	if (n < 5)
		return;
	dw[3] = alpha * s[12] + beta * dw[3];
	dw[4] = alpha * s[16] + beta * dw[4];
}

/* What the sums begin with: the weights, or 0. */
RT_INLINED void row_begin(float *sum, int five, int32_t outs, int32_t ins,
	float beta, const float *dw, ptrdiff_t row, ptrdiff_t c)
{
	const int on = rt_goes_on(beta);
	const int32_t taps = five ? 5 : 3, count = five ? 1 : ins;

	for (int32_t i = 0; i < 24; i++)
		sum[i] = 0;
	for (int32_t i = 0; i < outs && on; i++)
		for (int32_t k = 0; k < count; k++)
			for (int32_t t = 0; t < taps; t++)
				sum[12 * k + 4 * t + i]
					= dw[i * row + k * c + t];
}

#if RT_HELIUM
#include "runtime/conv_row_helium.h"
#endif

/* Weights of output channels row apart by ins input channels c apart. */
RT_APART void row_tile(const RowTile *p, int32_t taps, int32_t ins,
	float alpha, float beta, float *dw, ptrdiff_t row, ptrdiff_t c)
{
	const int five = RT_CONV_FIVE && (!RT_CONV_THREE || taps == 5);
	const float begun = rt_beta_begun(beta);
	float sum[24];

#if RT_HELIUM
	const RowWeights w = { alpha, beta, dw, row, c, ins };
	if (row_helium(p, five, &w))
		return;
#endif
	if (RT_CONV_GOES_ON)
		row_begin(sum, five, p->outs, ins, beta, dw, row, c);
	row_sums(p, taps, sum);
	if (five) {
		for (int32_t i = 0; i < p->outs; i++)
			row_put(5, sum + i, alpha, begun, dw + i * row);
		return;
	}
	for (int32_t i = 0; i < p->outs; i++, dw += row)
		for (int32_t k = 0; k < ins; k++)
			row_put(3, sum + 12 * k + i, alpha, begun,
				dw + k * c);
}

/* All weights of a row of taps. */
static void row_weights(const rt_conv *d, RowTile *p, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t most = d->kw == 3 ? 2 : 1;
	const ptrdiff_t c = d->kh * d->kw, xs = (ptrdiff_t)d->h * d->w;

	p->dy = dy;
	for (int32_t i = 0; i < og; i += 4, p->dy += 4 * p->dyc) {
		p->outs = rt_min(4, og - i), p->x = x;
		for (int32_t k = 0; k < cg; k += most, p->x += most * xs) {
			p->z = cg - k > 1 ? xs : 0;
			row_tile(p, d->kw, rt_min(most, cg - k), alpha,
				beta, dw + (i * cg + k) * c, cg * c, c);
		}
	}
}

RT_API int rt_conv_grad_weight_row(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	if (!rt_conv_row(d))
		return 0;
	for (int32_t j = 0; j < d->kh; j++, dw += d->kw) {
		const int32_t or = j * d->dh - d->ph;
		int32_t r0, r1;
		RowTile p;
		rt_tap_range(d->oh, d->sh, or, d->h, &r0, &r1);
		row_at(&p, d, r0, r1);
		row_weights(d, &p, alpha, x + (ptrdiff_t)(or + r0 * d->sh)
			* d->w - d->pw, dy + (ptrdiff_t)r0 * d->ow, beta, dw);
	}
	return 1;
}

#endif

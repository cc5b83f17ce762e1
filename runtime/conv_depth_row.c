/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient of the weights of a depthwise convolution whose kernel has three
 * columns side by side, without workspace, for Helium: four channels are the
 * lanes, and a row of taps goes together, so that a position takes one vector of dy
 * for three of x.
 */
#include "runtime/rt.h"
#include "runtime/four.h"
#include "runtime/workspace.h"
#include "runtime/direct.h"

#if RT_HELIUM

/* Up to four channels at a row of taps. */
typedef struct DepthRow {
	const float *x, *dy;		/* of the first position */
	int32_t images, rows, lanes;
	int32_t step, left, inside, right;	/* columns, by what they lack */
	ptrdiff_t xn, xc, xr, dyn, dyc;
} DepthRow;

typedef struct DepthRowSums {
	rt_four a, b, c;
} DepthRowSums;

/* A row of positions. */
RT_INLINED void depth_row_positions(const DepthRow *p, DepthRowSums *s,
	rt_lanes *y, rt_lanes x)
{
	if (p->left) {
		const rt_four dy = rt_lanes_load(y);
		s->b = rt_four_each(s->b, dy, rt_lanes_behind(&x, 1));
		s->c = rt_four_each(s->c, dy, rt_lanes_behind(&x, 2));
		rt_lanes_next(y);
		rt_lanes_move(&x, p->step);
	}
	for (int32_t i = p->inside; i > 0; i--) {
		const rt_four dy = rt_lanes_load(y);
		s->a = rt_four_each(s->a, dy, rt_lanes_load(&x));
		s->b = rt_four_each(s->b, dy, rt_lanes_behind(&x, 1));
		s->c = rt_four_each(s->c, dy, rt_lanes_behind(&x, 2));
		rt_lanes_next(y);
		rt_lanes_move(&x, p->step);
	}
	if (p->right) {
		const rt_four dy = rt_lanes_load(y);
		s->a = rt_four_each(s->a, dy, rt_lanes_load(&x));
		s->b = rt_four_each(s->b, dy, rt_lanes_behind(&x, 1));
		rt_lanes_next(y);
	}
}

/* sum[t * 4 + i] is tap t of channel i, or goes on with it. */
RT_APART void depth_row_sum(const DepthRow *p, float sum[12])
{
	const rt_four zero = rt_four_of(0);
	DepthRowSums s = { zero, zero, zero };

	if (RT_CONV_GOES_ON)
		s.a = rt_four_load(sum), s.b = rt_four_load(sum + 4),
		s.c = rt_four_load(sum + 8);
	for (int32_t n = 0; n < p->images; n++) {
		rt_lanes y = rt_lanes_at(p->dy + n * p->dyn, p->dyc, p->lanes);
		rt_lanes x = rt_lanes_at(p->x + n * p->xn, p->xc, p->lanes);
		for (int32_t r = p->rows; r > 0; r--) {
			depth_row_positions(p, &s, &y, x);
			rt_lanes_move(&x, p->xr);
		}
	}
	rt_four_store(sum, s.a), rt_four_store(sum + 4, s.b);
	rt_four_store(sum + 8, s.c);
}

/* What the sums begin with: the weights, or 0. */
RT_INLINED void depth_row_begin(float sum[12], int32_t lanes, float beta,
	const float *dw, ptrdiff_t taps)
{
	const int32_t count = rt_goes_on(beta) ? 3 * lanes : 0;

	for (int32_t i = 0; i < 12; i++)
		sum[i] = 0;
	for (int32_t i = 0; i < count; i++)
		sum[i % 3 * 4 + i / 3] = dw[i / 3 * taps + i % 3];
}

/* All channels at row j of taps; every mult-th output channel from dy on. */
static void depth_row_weights(const rt_conv *d, DepthRow *p, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const ptrdiff_t taps = d->o / d->c * d->kh * 3;
	float sum[12];

	for (int32_t c = 0; c < d->c; c += 4) {
		p->x = x + c * p->xc, p->dy = dy + c * p->dyc;
		p->lanes = rt_min(4, d->c - c);
		if (RT_CONV_GOES_ON)
			depth_row_begin(sum, p->lanes, beta, dw, taps);
		depth_row_sum(p, sum);
		for (int32_t i = 0; i < p->lanes; i++, dw += taps)
			for (int32_t t = 0; t < 3; t++)
				dw[t] = rt_blend(alpha, sum[t * 4 + i],
					rt_beta_begun(beta), dw + t);
	}
}

static void depth_row_at(const rt_conv *d, DepthRow *p)
{
	p->images = d->n, p->step = d->sw;
	p->left = d->pw, p->right = rt_conv_right(d) == 1;
	p->inside = d->ow - p->left - p->right;
	p->xc = (ptrdiff_t)d->h * d->w, p->xn = d->c * p->xc;
	p->xr = (ptrdiff_t)d->sh * d->w;
	p->dyc = (ptrdiff_t)d->oh * d->ow, p->dyn = d->o * p->dyc;
	p->dyc *= d->o / d->c;
}

RT_API int rt_depth_grad_weight_row(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const int32_t mult = d->o / d->c;
	DepthRow p;

	if (d->kw != 3 || !rt_conv_row(d))
		return 0;
	depth_row_at(d, &p);
	for (int32_t i = 0; i < mult * d->kh; i++) {
		const int32_t m = i / d->kh, j = i % d->kh;
		const int32_t or = j * d->dh - d->ph;
		int32_t r0, r1;
		rt_tap_range(d->oh, d->sh, or, d->h, &r0, &r1);
		p.rows = r1 - r0;
		depth_row_weights(d, &p, alpha, x + (or + r0 * d->sh) * d->w
			- d->pw, dy + (m * d->oh + r0) * d->ow, beta,
			dw + (m * d->kh + j) * 3);
	}
	return 1;
}

#endif

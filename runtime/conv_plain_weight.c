/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient of a convolution's weights without workspace, for machines without
 * vector registers.  A tile is 4 output by 4 input channels at one tap, held
 * in registers over all positions and images; channels past the last alias
 * it.  On RISC-V's vectors it is four channels of one kind by lanes of the
 * other.
 */
#include "runtime/rt.h"
#include "runtime/direct.h"
#include "runtime/rvv.h"
#include "runtime/tile4.h"

/* Up to 4 channels of dy and x of all images at a tap: the positions that it
 * reaches. */
typedef struct Tap {
	const float *x, *dy;	/* of the first */
	int32_t images, rows, cols;
	ptrdiff_t xn, xc, xr, xq, dyn, dyc, dyr;
} Tap;

static Tap tap_at(const rt_conv *d, const float *x,
	const float *dy, int32_t tap)
{
	const int32_t or = tap / d->kw * d->dh - d->ph;
	const int32_t oc = tap % d->kw * d->dw - d->pw;
	int32_t r0, r1, q0, q1;
	Tap t;

	rt_tap_range(d->oh, d->sh, or, d->h, &r0, &r1);
	rt_tap_range(d->ow, d->sw, oc, d->w, &q0, &q1);
	t.images = d->n, t.rows = r1 - r0, t.cols = q1 - q0;
	t.xc = (ptrdiff_t)d->h * d->w, t.xn = d->c * t.xc;
	t.xr = (ptrdiff_t)d->sh * d->w, t.xq = d->sw;
	t.dyc = (ptrdiff_t)d->oh * d->ow, t.dyn = rt_conv_dyc(d) * t.dyc;
	t.dyr = d->ow;
	t.x = x + (ptrdiff_t)or * d->w + oc + r0 * t.xr + q0 * t.xq;
	t.dy = dy + r0 * t.dyr + q0;
	return t;
}

#if RT_RVV

/* One of the two that are multiplied: from a channel, an image, a row and a
 * position to the next. */
typedef struct TapSide {
	const float *p;
	ptrdiff_t c, n, r, q;
} TapSide;

/* dw of rows channels of u by lanes of v, us and vs apart. */
RT_INLINED void tap_wide(const Tap *p, const TapSide *u, const TapSide *v,
	int32_t rows, size_t lanes, float alpha, float beta, float *dw,
	ptrdiff_t us, ptrdiff_t vs)
{
	rt_wide r0 = rt_wide_begin(dw, vs, beta, lanes);
	rt_wide r1 = rt_wide_of(0, lanes), r2 = r1, r3 = r1;
	const float begun = rt_beta_begun(beta);

	if (rt_goes_on(beta) && rows > 1)
		r1 = rt_wide_gather(dw + us, vs, lanes);
	if (rt_goes_on(beta) && rows > 2)
		r2 = rt_wide_gather(dw + 2 * us, vs, lanes);
	if (rt_goes_on(beta) && rows > 3)
		r3 = rt_wide_gather(dw + 3 * us, vs, lanes);
	for (int32_t n = 0; n < p->images; n++) {
		rt_rows x = rt_rows_at(u->p + n * u->n, u->c, rows);
		const float *z = v->p + n * v->n;
		for (int32_t r = p->rows; r > 0; r--) {
			for (int32_t q = p->cols; q > 0; q--, z += v->q) {
				const rt_wide w = rt_wide_gather(z, v->c,
					lanes);
				r0 = rt_wide_add(r0, *x.a, w, lanes);
				r1 = rt_wide_add(r1, *x.b, w, lanes);
				r2 = rt_wide_add(r2, *x.c, w, lanes);
				r3 = rt_wide_add(r3, *x.d, w, lanes);
				rt_rows_move(&x, u->q);
			}
			rt_rows_move(&x, u->r - p->cols * u->q);
			z += v->r - p->cols * v->q;
		}
	}
	rt_wide_put(dw, vs, alpha, r0, begun, lanes);
	if (rows > 1)
		rt_wide_put(dw + us, vs, alpha, r1, begun, lanes);
	if (rows > 2)
		rt_wide_put(dw + 2 * us, vs, alpha, r2, begun, lanes);
	if (rows > 3)
		rt_wide_put(dw + 3 * us, vs, alpha, r3, begun, lanes);
}

/* The weights of all channels at a tap: rows of u, columns of v. */
RT_APART void tap_channels(const Tap *p, TapSide u, TapSide v, int32_t rows,
	int32_t columns, float alpha, float beta, float *dw, ptrdiff_t us,
	ptrdiff_t vs)
{
	size_t n;

	for (int32_t j = 0; j < columns; j += (int32_t)n) {
		TapSide a = u;
		n = rt_wide_lanes(columns - j, columns);
		for (int32_t i = 0; i < rows; i += 4, a.p += 4 * a.c)
			tap_wide(p, &a, &v, rows - i < 4 ? rows - i : 4, n,
				alpha, beta, dw + i * us + j * vs, us, vs);
		v.p += (ptrdiff_t)n * v.c;
	}
}

static void tap_weights(const rt_conv *d, float alpha, const float *x,
	const float *dy, float beta, float *dw)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t taps = d->kh * d->kw;
	const ptrdiff_t row = (ptrdiff_t)cg * taps;

	for (int32_t tap = 0; tap < taps; tap++, dw++) {
		const Tap p = tap_at(d, x, dy, tap);
		const TapSide in = { p.x, p.xc, p.xn, p.xr, p.xq };
		const TapSide out = { p.dy, p.dyc, p.dyn, p.dyr, 1 };
		if (rt_wide_cost(og, cg, 0) <= rt_wide_cost(cg, og, 0))
			tap_channels(&p, out, in, og, cg, alpha, beta, dw, row,
				taps);
		else
			tap_channels(&p, in, out, cg, og, alpha, beta, dw,
				taps, row);
	}
}

#else

/* sum[i][j] = dy of output channel i . x of input channel j; or goes on from
 * there. */
RT_INLINED void tap_sum(const Tap *p, int32_t outs, int32_t ins,
	ptrdiff_t xq, float *sum)
{
	rt_tile4 t = RT_CONV_GOES_ON ? rt_tile4_load(sum, 4) : rt_tile4_zero();

	for (int32_t n = 0; n < p->images; n++) {
		rt_rows a = rt_rows_at(p->dy + n * p->dyn, p->dyc, outs);
		rt_lanes b = rt_lanes_at(p->x + n * p->xn, p->xc, ins);
		for (int32_t r = p->rows; r > 0; r--) {
			if (xq == 1)
				rt_tile4_nt(&t, p->cols, &a, &b);
			else
				rt_tile4_any(&t, p->cols, &a, 1, &b, xq);
			rt_rows_move(&a, p->dyr - p->cols);
			rt_lanes_move(&b, p->xr - p->cols * xq);
		}
	}
	rt_tile4_store(sum, 4, &t);
}

RT_APART void tap_sum_dense(const Tap *p, int32_t outs,
	int32_t ins, float *sum)
{
	tap_sum(p, outs, ins, 1, sum);
}

RT_APART void tap_sum_strided(const Tap *p, int32_t outs,
	int32_t ins, float *sum)
{
	tap_sum(p, outs, ins, p->xq, sum);
}

/* What the sums begin with: the weights, or 0. */
RT_INLINED void tap_begin(float *sum, int32_t outs, int32_t ins, float beta,
	const float *dw, ptrdiff_t row, ptrdiff_t step)
{
	const int on = rt_goes_on(beta);

	for (int32_t i = 0; i < 16; i++)
		sum[i] = 0;
	for (int32_t r = 0; r < outs && on; r++)
		for (int32_t q = 0; q < ins; q++)
			sum[r * 4 + q] = dw[r * row + q * step];
}

/* The weights of up to 4 output by 4 input channels, those from i, j on. */
static void tap_tile(const rt_conv *d, float alpha, const float *x,
	const float *dy, float beta, float *dw, int32_t i, int32_t j)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t taps = d->kh * d->kw;
	const int32_t outs = og - i < 4 ? og - i : 4;
	const int32_t ins = cg - j < 4 ? cg - j : 4;

	x += (ptrdiff_t)j * d->h * d->w, dy += (ptrdiff_t)i * d->oh * d->ow;
	for (int32_t tap = 0; tap < taps; tap++) {
		const Tap p = tap_at(d, x, dy, tap);
		float *to = dw + ((ptrdiff_t)i * cg + j) * taps + tap;
		float sum[16];
		if (RT_CONV_GOES_ON)
			tap_begin(sum, outs, ins, beta, to, cg * taps, taps);
		if (RT_CONV_STRIDE == 1 || d->sw == 1)
			tap_sum_dense(&p, outs, ins, sum);
		else
			tap_sum_strided(&p, outs, ins, sum);
		for (int32_t r = 0; r < outs; r++, to += cg * taps)
			for (int32_t q = 0; q < ins; q++)
				to[q * taps] = rt_blend(alpha, sum[r * 4 + q],
					rt_beta_begun(beta), to + q * taps);
	}
}

static void tap_weights(const rt_conv *d, float alpha, const float *x,
	const float *dy, float beta, float *dw)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;

	for (int32_t i = 0; i < og; i += 4)
		for (int32_t j = 0; j < cg; j += 4)
			tap_tile(d, alpha, x, dy, beta, dw, i, j);
}

#endif

/* A group. */
static void group_weights(const rt_conv *d, float alpha, const float *x,
	const float *dy, float beta, float *dw)
{
#if !RT_RVV
	if ((RT_CONV_THREE || RT_CONV_FIVE)
		&& rt_conv_grad_weight_row(d, alpha, x, dy, beta, dw))
		return;
#endif
	if (RT_DIRECT_ANY)
		tap_weights(d, alpha, x, dy, beta, dw);
}

RT_API void rt_conv_grad_weight_plain(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t xs = (ptrdiff_t)cg * d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)og * d->oh * d->ow;
	const ptrdiff_t ws = (ptrdiff_t)og * cg * d->kh * d->kw;

	for (int32_t g = 0; g < d->groups; g++)
		group_weights(d, alpha, x + g * xs, dy + g * ys, beta,
			dw + g * ws);
}

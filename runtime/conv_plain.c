/* SPDX-License-Identifier: 0BSD */
/*
 * Convolution and its gradients without workspace, for machines without
 * vector registers.  Each output tile is 4 channels by 4 columns, held in
 * registers over all taps; only tiles at the border look where a row ends.
 * Channels past the last alias it, so one loop serves all tiles.
 */
#include "runtime/rt.h"
#include "runtime/tile4.h"
#include "runtime/workspace.h"

/* y = bias in each channel, for the ways that then add to it. */
RT_API void rt_conv_bias(const float *bias, int32_t channels, int32_t size,
	float *y)
{
	for (int32_t i = 0; i < channels; i++)
		for (int32_t j = 0; j < size; j++)
			*y++ = bias[i];
}

/* Four pointers step apart, the ones past count alias the last. */
static void direct_lanes(const float *p, ptrdiff_t step, int32_t count,
	const float *lane[4])
{
	for (int32_t i = 0; i < 4; i++)
		lane[i] = p + (i < count ? i : count - 1) * step;
}

/* Columns at, at + s, ... of a row of the given width, 0 outside. */
static void direct_edge(const float *row, int32_t at, int32_t s,
	int32_t width, float v[4])
{
	for (int j = 0; j < 4; j++, at += s)
		v[j] = at >= 0 && at < width ? row[at] : 0.0f;
}

/* The first rows channels of a tile, cs apart, n columns s apart. */
static void direct_put(const float *t, int32_t rows, int32_t n, int32_t s,
	const float *bias, float *y, ptrdiff_t cs)
{
	for (int32_t i = 0; i < rows; i++, y += cs)
		for (int32_t j = 0; j < n && j < 4; j++)
			y[j * s] = bias ? t[i * 4 + j] + bias[i] : t[i * 4 + j];
}

/* t = the outputs at columns col .. col + 3 of a row, for weights w. */
static void direct_forward_tile(const rt_conv *d, const float *x,
	const float *const w[4], int32_t row, int32_t col, float *t)
{
	const float *w0 = w[0], *w1 = w[1], *w2 = w[2], *w3 = w[3];
	const int32_t at = col * d->sw - d->pw, s = d->sw, dw = d->dw;
	const int inside = at >= 0 && at + (d->kw - 1) * dw + 3 * s < d->w;
	const int32_t steps = d->c / d->groups * d->kh;
	RT_TILE4_SUMS

	for (int32_t i = 0; i < steps; i++) {
		const int32_t r = row * d->sh - d->ph + i % d->kh * d->dh;
		const float *p = x + ((ptrdiff_t)(i / d->kh) * d->h + r) * d->w;
		ptrdiff_t k = (ptrdiff_t)i * d->kw;
		if (r < 0 || r >= d->h)
			continue;
		for (int32_t l = 0; l < d->kw; l++, k++) {
			const float *q = p + at + l * dw;
			float v[4];
			if (inside) {
				RT_TILE4_STEP(w0[k], w1[k], w2[k], w3[k],
					q[0], q[s], q[2 * s], q[3 * s]);
				continue;
			}
			direct_edge(p, at + l * dw, s, d->w, v);
			RT_TILE4_STEP(w0[k], w1[k], w2[k], w3[k],
				v[0], v[1], v[2], v[3]);
		}
	}
	RT_TILE4_OUT(t);
}

/* One image, up to four output channels of one group. */
static void direct_forward(const rt_conv *d, const float *x, const float *w,
	const float *bias, float *y, int32_t rows)
{
	const ptrdiff_t ks = (ptrdiff_t)(d->c / d->groups) * d->kh * d->kw;
	const float *lane[4];
	float t[16];

	direct_lanes(w, ks, rows, lane);
	for (int32_t r = 0; r < d->oh; r++, y += d->ow)
		for (int32_t q = 0; q < d->ow; q += 4) {
			direct_forward_tile(d, x, lane, r, q, t);
			direct_put(t, rows, d->ow - q, 1, bias, y + q,
				(ptrdiff_t)d->oh * d->ow);
		}
}

RT_API void rt_conv_forward_plain(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t xs = (ptrdiff_t)cg * d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	const ptrdiff_t ks = (ptrdiff_t)cg * d->kh * d->kw;

	for (int32_t i = 0; i < d->n * d->groups; i++, x += xs)
		for (int32_t j = 0; j < og; j += 4) {
			const int32_t o = i % d->groups * og + j;
			direct_forward(d, x, w + o * ks,
				bias ? bias + o : NULL, y + (i * og + j) * ys,
				og - j < 4 ? og - j : 4);
		}
}

/*
 * Gather form: dx[c][r][q] sums w[o][c][j][l] * dy[o][u][v] over the taps
 * with u * sh = r + ph - j * dh and v * sw = q + pw - l * dw.  The columns of
 * a tile are sw apart, so that a tap reaches all of them or none.
 */
static void direct_input_tile(const rt_conv *d, const float *dy,
	const float *const w[4], int32_t row, int32_t col, float *t)
{
	const float *w0 = w[0], *w1 = w[1], *w2 = w[2], *w3 = w[3];
	const int32_t at = col + d->pw, sw = d->sw, dw = d->dw;
	const int inside = sw == 1 && at - (d->kw - 1) * dw >= 0
		&& at + 3 < d->ow;
	const int32_t steps = d->o / d->groups * d->kh;
	const ptrdiff_t ks = (ptrdiff_t)(d->c / d->groups) * d->kh * d->kw;
	RT_TILE4_SUMS

	for (int32_t i = 0; i < steps; i++) {
		const int32_t j = i % d->kh, s = row + d->ph - j * d->dh;
		const int32_t u = s / d->sh;
		const float *p = dy + ((ptrdiff_t)(i / d->kh) * d->oh + u)
			* d->ow;
		ptrdiff_t k = i / d->kh * ks + (ptrdiff_t)j * d->kw;
		if (s < 0 || u * d->sh != s || u >= d->oh)
			continue;
		for (int32_t l = 0; l < d->kw; l++, k++) {
			const float *q = p + at - l * dw;
			const int32_t v = (at - l * dw) / sw;
			float z[4];
			if (inside) {
				RT_TILE4_STEP(w0[k], w1[k], w2[k], w3[k],
					q[0], q[1], q[2], q[3]);
				continue;
			}
			if (v * sw != at - l * dw)
				continue;
			direct_edge(p, v, 1, d->ow, z);
			RT_TILE4_STEP(w0[k], w1[k], w2[k], w3[k],
				z[0], z[1], z[2], z[3]);
		}
	}
	RT_TILE4_OUT(t);
}

static void direct_input(const rt_conv *d, const float *dy, const float *w,
	float *dx, int32_t rows)
{
	const float *lane[4];
	float t[16];

	direct_lanes(w, (ptrdiff_t)d->kh * d->kw, rows, lane);
	for (int32_t i = 0; i < d->h * d->sw; i++) {
		const int32_t r = i / d->sw;
		for (int32_t q = i % d->sw; q < d->w; q += 4 * d->sw) {
			direct_input_tile(d, dy, lane, r, q, t);
			direct_put(t, rows, (d->w - q + d->sw - 1) / d->sw,
				d->sw, NULL, dx + (ptrdiff_t)r * d->w + q,
				(ptrdiff_t)d->h * d->w);
		}
	}
}

RT_API void rt_conv_grad_input_plain(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t taps = (ptrdiff_t)d->kh * d->kw;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)og * d->oh * d->ow;

	for (int32_t i = 0; i < d->n * d->groups; i++, dy += ys)
		for (int32_t j = 0; j < cg; j += 4)
			direct_input(d, dy, w + ((ptrdiff_t)(i % d->groups)
				* og * cg + j) * taps, dx + (i * cg + j) * xs,
				cg - j < 4 ? cg - j : 4);
}

/* Positions q in [lo, hi) of count with 0 <= q * s + off < size. */
static void direct_range(int32_t count, int32_t s, int32_t off, int32_t size,
	int32_t *lo, int32_t *hi)
{
	*lo = off < 0 ? (s - 1 - off) / s : 0;
	*hi = off < size ? (size - 1 - off) / s + 1 : 0;
	if (*hi > count)
		*hi = count;
}

/* t[i][j] = dy of output channel i . x of input channel j at a tap. */
static void direct_weight_tile(const rt_conv *d, const float *const dy[4],
	const float *const x[4], int32_t tap, float *t)
{
	const int32_t or = tap / d->kw * d->dh - d->ph;
	const int32_t oc = tap % d->kw * d->dw - d->pw;
	const float *a0 = dy[0], *a1 = dy[1], *a2 = dy[2], *a3 = dy[3];
	const float *b0 = x[0], *b1 = x[1], *b2 = x[2], *b3 = x[3];
	int32_t r0, r1, q0, q1;
	RT_TILE4_SUMS

	direct_range(d->oh, d->sh, or, d->h, &r0, &r1);
	direct_range(d->ow, d->sw, oc, d->w, &q0, &q1);
	for (int32_t r = r0; r < r1; r++) {
		ptrdiff_t p = (ptrdiff_t)r * d->ow + q0;
		ptrdiff_t q = (ptrdiff_t)(r * d->sh + or) * d->w + oc
			+ (ptrdiff_t)q0 * d->sw;
		for (int32_t i = q0; i < q1; i++, p++, q += d->sw)
			RT_TILE4_STEP(a0[p], a1[p], a2[p], a3[p],
				b0[q], b1[q], b2[q], b3[q]);
	}
	RT_TILE4_OUT(t);
}

/* The sums of 4 output by 4 input channels at one tap, over all images. */
static void direct_weight_sums(const rt_conv *d, const float *x,
	const float *dy, int32_t rows, int32_t cols, int32_t tap,
	float sum[16])
{
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	const float *a[4], *b[4];
	float t[16];

	for (int32_t n = 0; n < d->n; n++) {
		direct_lanes(dy + n * rt_conv_dyc(d) * ys, ys, rows, a);
		direct_lanes(x + n * d->c * xs, xs, cols, b);
		direct_weight_tile(d, a, b, tap, t);
		for (int i = 0; i < 16; i++)
			sum[i] += t[i];
	}
}

/* The weights of up to 4 output by 4 input channels, those from i, j on. */
static void direct_weight(const rt_conv *d, float alpha, const float *x,
	const float *dy, float beta, float *dw, int32_t i, int32_t j)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t taps = d->kh * d->kw;
	const int32_t rows = og - i < 4 ? og - i : 4;
	const int32_t cols = cg - j < 4 ? cg - j : 4;

	x += (ptrdiff_t)j * d->h * d->w, dy += (ptrdiff_t)i * d->oh * d->ow;
	for (int32_t tap = 0; tap < taps; tap++) {
		float *to = dw + ((ptrdiff_t)i * cg + j) * taps + tap;
		float sum[16] = { 0 };
		direct_weight_sums(d, x, dy, rows, cols, tap, sum);
		for (int32_t r = 0; r < rows; r++, to += cg * taps)
			for (int32_t q = 0; q < cols; q++)
				to[q * taps] = rt_blend(alpha, sum[r * 4 + q],
					beta, to + q * taps);
	}
}

RT_API void rt_conv_grad_weight_plain(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t xs = (ptrdiff_t)cg * d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)og * d->oh * d->ow;
	const ptrdiff_t ws = (ptrdiff_t)og * cg * d->kh * d->kw;

	for (int32_t g = 0; g < d->groups; g++)
		for (int32_t i = 0; i < og; i += 4)
			for (int32_t j = 0; j < cg; j += 4)
				direct_weight(d, alpha, x + g * xs, dy + g * ys,
					beta, dw + g * ws, i, j);
}

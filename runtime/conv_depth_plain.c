/* SPDX-License-Identifier: 0BSD */
/*
 * Depthwise convolution and its gradients in scalar code: four columns at a
 * time, whose sums stay in registers over all taps; only tiles at the border
 * look where the input ends.
 */
#include "runtime/rt.h"

/* t[j] += w * columns at + j * s of a row of the given width, 0 outside. */
static void column_edge(float w, const float *row, int32_t at, int32_t s,
	int32_t width, float t[4])
{
	for (int j = 0; j < 4; j++, at += s)
		if (at >= 0 && at < width)
			t[j] += w * row[at];
}

/* The same with all columns inside. */
static void column_inner(float w, const float *p, int32_t s, float t[4])
{
	t[0] += w * p[0];
	t[1] += w * p[s];
	t[2] += w * p[2 * s];
	t[3] += w * p[3 * s];
}

static void column_forward_tile(const rt_conv *d, const float *x,
	const float *w, int32_t r, int32_t q, float t[4])
{
	const int32_t at = q * d->sw - d->pw, row = r * d->sh - d->ph;
	const int inside = at >= 0
		&& at + (d->kw - 1) * d->dw + 3 * d->sw < d->w;

	for (int32_t j = 0; j < d->kh; j++, w += d->kw) {
		const int32_t u = row + j * d->dh;
		const float *p = x + (ptrdiff_t)u * d->w;
		if (u < 0 || u >= d->h)
			continue;
		for (int32_t l = 0; l < d->kw; l++) {
			const int32_t v = at + l * d->dw;
			if (inside)
				column_inner(w[l], p + v, d->sw, t);
			else
				column_edge(w[l], p, v, d->sw, d->w, t);
		}
	}
}

static void column_put(const float t[4], float *y, int32_t count, int32_t s)
{
	for (int32_t j = 0; j < count && j < 4; j++)
		y[j * s] = t[j];
}

RT_API void rt_depth_forward_plain(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y)
{
	const int32_t mult = d->o / d->c;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;

	for (int32_t i = 0; i < d->n * d->o; i++) {
		const int32_t o = i % d->o;
		const float b = bias ? bias[o] : 0.0f;
		for (int32_t r = 0; r < d->oh; r++, y += d->ow)
			for (int32_t q = 0; q < d->ow; q += 4) {
				float t[4] = { b, b, b, b };
				column_forward_tile(d, x + i / mult * xs,
					w + (ptrdiff_t)o * d->kh * d->kw, r, q,
					t);
				column_put(t, y + q, d->ow - q, 1);
			}
	}
}

/* t[j] += w * dy[v + j] where v * sw = at; nothing if there is no such v. */
static void column_input_tap(const rt_conv *d, float w, const float *dy,
	int32_t at, float t[4])
{
	const int32_t v = d->sw == 1 ? at : at / d->sw;

	if (v * d->sw != at)
		return;
	if (v >= 0 && v + 3 < d->ow)
		column_inner(w, dy + v, 1, t);
	else
		column_edge(w, dy, v, 1, d->ow, t);
}

/* Columns q, q + sw, ... of row r: a tap reaches all of them or none. */
static void column_input_tile(const rt_conv *d, const float *dy,
	const float *w, int32_t r, int32_t q, float t[4])
{
	for (int32_t j = 0; j < d->kh; j++, w += d->kw) {
		const int32_t s = r + d->ph - j * d->dh, u = s / d->sh;
		if (s < 0 || u * d->sh != s || u >= d->oh)
			continue;
		for (int32_t l = 0; l < d->kw; l++)
			column_input_tap(d, w[l], dy + (ptrdiff_t)u * d->ow,
				q + d->pw - l * d->dw, t);
	}
}

/* One channel of dx, from the mult channels of dy that it made. */
static void column_input(const rt_conv *d, const float *dy, const float *w,
	float *dx)
{
	const int32_t mult = d->o / d->c;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow, taps = d->kh * d->kw;

	for (int32_t i = 0; i < d->h * d->sw; i++) {
		const int32_t r = i / d->sw;
		for (int32_t q = i % d->sw; q < d->w; q += 4 * d->sw) {
			float t[4] = { 0 };
			for (int32_t m = 0; m < mult; m++)
				column_input_tile(d, dy + m * ys, w + m * taps,
					r, q, t);
			column_put(t, dx + (ptrdiff_t)r * d->w + q,
				(d->w - q + d->sw - 1) / d->sw, d->sw);
		}
	}
}

RT_API void rt_depth_grad_input_plain(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
	const int32_t mult = d->o / d->c;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow, taps = d->kh * d->kw;

	for (int32_t i = 0; i < d->n * d->c; i++)
		column_input(d, dy + i * mult * ys, w + i % d->c * mult * taps,
			dx + (ptrdiff_t)i * d->h * d->w);
}

/* Positions [lo, hi) of count with 0 <= i * s + off < size. */
static void column_range(int32_t count, int32_t s, int32_t off, int32_t size,
	int32_t *lo, int32_t *hi)
{
	*lo = off < 0 ? (s - 1 - off) / s : 0;
	*hi = off < size ? (size - 1 - off) / s + 1 : 0;
	if (*hi > count)
		*hi = count;
}

/* The product of one image's dy and x at one tap. */
static float column_weight_tap(const rt_conv *d, const float *x,
	const float *dy, int32_t j, int32_t l)
{
	const int32_t or = j * d->dh - d->ph, oc = l * d->dw - d->pw;
	int32_t r0, r1, q0, q1;
	float sum = 0;

	column_range(d->oh, d->sh, or, d->h, &r0, &r1);
	column_range(d->ow, d->sw, oc, d->w, &q0, &q1);
	for (int32_t r = r0; r < r1; r++) {
		const float *a = dy + (ptrdiff_t)r * d->ow;
		const float *b = x + (ptrdiff_t)(r * d->sh + or) * d->w + oc;
		for (int32_t q = q0; q < q1; q++)
			sum += a[q] * b[q * d->sw];
	}
	return sum;
}

RT_API void rt_depth_grad_weight_plain(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const int32_t mult = d->o / d->c, taps = d->kh * d->kw;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;

	for (int32_t i = 0; i < d->o * taps; i++) {
		const int32_t o = i / taps, t = i % taps;
		float sum = 0;
		for (int32_t n = 0; n < d->n; n++)
			sum += column_weight_tap(d,
				x + (n * d->c + o / mult) * xs,
				dy + (n * d->o + o) * ys, t / d->kw,
				t % d->kw);
		dw[i] = rt_blend(alpha, sum, beta, dw + i);
	}
}

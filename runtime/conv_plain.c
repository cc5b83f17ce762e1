/* SPDX-License-Identifier: 0BSD */
/*
 * Convolution and its gradients without workspace, for machines without
 * vector registers.  Each output tile is 4 channels by 4 columns, held in a
 * local array that compilers keep in registers: a tap loads 4 weights and 4
 * values for 16 products.  Padding is a load that yields 0, taken only by
 * tiles at the border.
 */
#include "runtime/rt.h"

/* Four pointers step apart, the ones past count alias the last. */
static void direct_lanes(const float *p, ptrdiff_t step, int32_t count,
	const float *lane[4])
{
	for (int32_t i = 0; i < 4; i++)
		lane[i] = p + (i < count ? i : count - 1) * step;
}

static void direct_tile_add(float *RT_RESTRICT t, const float *a,
	const float *b)
{
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			t[i * 4 + j] += a[i] * b[j];
}

/* Columns at, at + s, ... of a row of the given width, 0 outside. */
static void direct_load(const float *row, int32_t at, int32_t s, int32_t width,
	float *v)
{
	for (int j = 0; j < 4; j++, at += s)
		v[j] = at >= 0 && at < width ? row[at] : 0.0f;
}

/* Where a tile lies: columns col .. col + 3 of a row. */
struct direct_at {
	int32_t row, col;
};

/* t += the taps of one input channel row; w[i] are rows of kw weights. */
static void direct_forward_row(const rt_conv *d, const float *row, int32_t at,
	const float *const w[4], ptrdiff_t off, float *t)
{
	const int32_t last = at + (d->kw - 1) * d->dw + 3 * d->sw;
	const int inside = at >= 0 && last < d->w;

	for (int32_t l = 0; l < d->kw; l++, at += d->dw) {
		float a[4], b[4];
		for (int i = 0; i < 4; i++)
			a[i] = w[i][off + l];
		if (inside)
			for (int j = 0; j < 4; j++)
				b[j] = row[at + j * d->sw];
		else
			direct_load(row, at, d->sw, d->w, b);
		direct_tile_add(t, a, b);
	}
}

static void direct_forward_tile(const rt_conv *d, const float *x,
	const float *const w[4], struct direct_at at, float *t)
{
	const int32_t cg = d->c / d->groups;

	for (int32_t c = 0; c < cg; c++) {
		for (int32_t j = 0; j < d->kh; j++) {
			const int32_t r = at.row * d->sh - d->ph + j * d->dh;
			if (r < 0 || r >= d->h)
				continue;
			direct_forward_row(d, x + ((ptrdiff_t)c * d->h + r) * d->w,
				at.col * d->sw - d->pw, w,
				((ptrdiff_t)c * d->kh + j) * d->kw, t);
		}
	}
}

/* One image, output channels o .. o + 3 of one group. */
static void direct_forward_channels(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y, int32_t rows)
{
	const ptrdiff_t ks = (ptrdiff_t)(d->c / d->groups) * d->kh * d->kw;
	const float *lane[4];

	direct_lanes(w, ks, rows, lane);
	for (int32_t r = 0; r < d->oh; r++) {
		for (int32_t q = 0; q < d->ow; q += 4) {
			float t[16] = { 0 };
			const struct direct_at at = { r, q };
			const int32_t n = d->ow - q < 4 ? d->ow - q : 4;
			direct_forward_tile(d, x, lane, at, t);
			for (int32_t i = 0; i < rows; i++)
				for (int32_t j = 0; j < n; j++)
					y[((ptrdiff_t)i * d->oh + r) * d->ow
						+ q + j] = t[i * 4 + j]
						+ (bias ? bias[i] : 0.0f);
		}
	}
}

RT_API void rt_conv_forward_plain(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;

	for (int32_t n = 0; n < d->n; n++) {
		for (int32_t o = 0; o < d->o; ) {
			const int32_t g = o / og, end = (g + 1) * og;
			const int32_t rows = end - o < 4 ? end - o : 4;
			direct_forward_channels(d,
				x + ((ptrdiff_t)n * d->c + g * cg) * xs,
				w + (ptrdiff_t)o * cg * d->kh * d->kw,
				bias ? bias + o : NULL,
				y + ((ptrdiff_t)n * d->o + o) * ys, rows);
			o += rows;
		}
	}
}

/*
 * Gather form: dx[c][r][q] sums w[o][c][j][l] * dy[o][u][v] over the taps
 * with u * sh = r + ph - j * dh and v * sw = q + pw - l * dw.
 */
static void direct_input_tap(const rt_conv *d, const float *dy, int32_t at,
	const float *const w[4], ptrdiff_t off, float *t)
{
	float a[4], b[4];

	for (int i = 0; i < 4; i++)
		a[i] = w[i][off];
	if (d->sw == 1)
		direct_load(dy, at, 1, d->ow, b);
	else for (int j = 0; j < 4; j++, at++) {
		const int32_t v = at / d->sw;
		b[j] = at >= 0 && v * d->sw == at && v < d->ow ? dy[v] : 0.0f;
	}
	direct_tile_add(t, a, b);
}

static void direct_input_tile(const rt_conv *d, const float *dy,
	const float *const w[4], struct direct_at at, float *t)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;

	for (int32_t o = 0; o < og; o++) {
		for (int32_t j = 0; j < d->kh; j++) {
			const int32_t s = at.row + d->ph - j * d->dh;
			const int32_t u = s / d->sh;
			if (s < 0 || u * d->sh != s || u >= d->oh)
				continue;
			for (int32_t l = 0; l < d->kw; l++)
				direct_input_tap(d, dy + ((ptrdiff_t)o * d->oh + u)
					* d->ow, at.col + d->pw - l * d->dw, w,
					((ptrdiff_t)o * cg * d->kh + j) * d->kw
					+ l, t);
		}
	}
}

static void direct_input_channels(const rt_conv *d, const float *dy, const float *w,
	float *dx, int32_t rows)
{
	const float *lane[4];

	direct_lanes(w, (ptrdiff_t)d->kh * d->kw, rows, lane);
	for (int32_t r = 0; r < d->h; r++) {
		for (int32_t q = 0; q < d->w; q += 4) {
			float t[16] = { 0 };
			const struct direct_at at = { r, q };
			const int32_t n = d->w - q < 4 ? d->w - q : 4;
			direct_input_tile(d, dy, lane, at, t);
			for (int32_t i = 0; i < rows; i++)
				for (int32_t j = 0; j < n; j++)
					dx[((ptrdiff_t)i * d->h + r) * d->w
						+ q + j] = t[i * 4 + j];
		}
	}
}

RT_API void rt_conv_grad_input_plain(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t taps = (ptrdiff_t)d->kh * d->kw;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;

	for (int32_t n = 0; n < d->n; n++) {
		for (int32_t c = 0; c < d->c; ) {
			const int32_t g = c / cg, end = (g + 1) * cg;
			const int32_t rows = end - c < 4 ? end - c : 4;
			direct_input_channels(d,
				dy + ((ptrdiff_t)n * d->o + g * og) * ys,
				w + ((ptrdiff_t)g * og * cg + c - g * cg) * taps,
				dx + ((ptrdiff_t)n * d->c + c) * xs, rows);
			c += rows;
		}
	}
}

/* Positions q in [lo, hi) with 0 <= q * s + off < size. */
static void direct_range(int32_t count, int32_t s, int32_t off, int32_t size,
	int32_t *lo, int32_t *hi)
{
	*lo = off < 0 ? (s - 1 - off) / s : 0;
	*hi = off < size ? (size - 1 - off) / s + 1 : 0;
	if (*hi > count)
		*hi = count;
}

/* t[i][j] += dy of output channel i . x of input channel j at one tap. */
static void direct_weight_tap(const rt_conv *d, const float *const dy[4],
	const float *const x[4], int32_t j, int32_t l, float *t)
{
	const int32_t or = j * d->dh - d->ph, oc = l * d->dw - d->pw;
	int32_t r0, r1, q0, q1;

	direct_range(d->oh, d->sh, or, d->h, &r0, &r1);
	direct_range(d->ow, d->sw, oc, d->w, &q0, &q1);
	for (int32_t r = r0; r < r1; r++) {
		const ptrdiff_t y = (ptrdiff_t)r * d->ow;
		const ptrdiff_t at = (ptrdiff_t)(r * d->sh + or) * d->w + oc;
		for (int32_t q = q0; q < q1; q++) {
			float a[4], b[4];
			for (int i = 0; i < 4; i++) {
				a[i] = dy[i][y + q];
				b[i] = x[i][at + q * d->sw];
			}
			direct_tile_add(t, a, b);
		}
	}
}

/* The weights of up to 4 output by 4 input channels at one tap. */
static void direct_weight_block(const rt_conv *d, const float *x, const float *dy,
	float *dw, int32_t rows, int32_t cols, int32_t tap)
{
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w, taps = d->kh * d->kw;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	float t[16] = { 0 };
	const float *a[4], *b[4];

	for (int32_t n = 0; n < d->n; n++) {
		direct_lanes(dy + (ptrdiff_t)n * d->o * ys, ys, rows, a);
		direct_lanes(x + (ptrdiff_t)n * d->c * xs, xs, cols, b);
		direct_weight_tap(d, a, b, tap / d->kw, tap % d->kw, t);
	}
	for (int32_t i = 0; i < rows; i++)
		for (int32_t j = 0; j < cols; j++)
			dw[(i * (d->c / d->groups) + j) * taps + tap]
				= t[i * 4 + j];
}

static void direct_weight_group(const rt_conv *d, const float *x, const float *dy,
	float *dw)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t taps = d->kh * d->kw;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;

	for (int32_t i = 0; i < og; i += 4)
		for (int32_t j = 0; j < cg; j += 4)
			for (int32_t tap = 0; tap < taps; tap++)
				direct_weight_block(d, x + j * xs, dy + i * ys,
					dw + ((ptrdiff_t)i * cg + j) * taps,
					og - i < 4 ? og - i : 4,
					cg - j < 4 ? cg - j : 4, tap);
}

RT_API void rt_conv_grad_weight_plain(const rt_conv *d, const float *x,
	const float *dy, float *dw)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t taps = (ptrdiff_t)d->kh * d->kw;

	for (int32_t g = 0; g < d->groups; g++)
		direct_weight_group(d, x + (ptrdiff_t)g * cg * d->h * d->w,
			dy + (ptrdiff_t)g * og * d->oh * d->ow,
			dw + (ptrdiff_t)g * og * cg * taps);
}

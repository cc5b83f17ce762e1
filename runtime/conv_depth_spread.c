/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient for the input of a depthwise 3x3 convolution at stride 2 with one
 * row and column of padding, without workspace, for machines without vector
 * registers.  Row a of dy reaches the rows 2a - 1, 2a and 2a + 1 of dx by the
 * three rows of taps, and columns likewise.  A strip of four columns of dy
 * goes down with the nine weights in registers, and with the sums of the row
 * of dx that its next row ends: a row takes 5 loads and 16 stores for 36
 * products.  On RISC-V's vectors a strip has as many columns as there are lanes.
 */
#include "runtime/rt.h"
#include "runtime/direct.h"
#include "runtime/rvv.h"

/* A plane. */
typedef struct Spread {
	const float *w, *dy;
	float *dx;
	int32_t oh, ow, h, width;
} Spread;

#if RT_RVV

/* A row of dy, the columns of each and on the right of it. */
typedef struct SpreadWide {
	const float *dy;
	float *dx;
	size_t n, between;	/* columns that there are, and between them */
	int right;
} SpreadWide;

RT_INLINED void spread_wide_load(const SpreadWide *s, rt_wide *mid, rt_wide *right)
{
	*mid = rt_wide_load(s->dy, s->n);
	*right = rt_wide_behind(*mid, s->right ? s->dy[s->n] : 0.0f, s->n);
}

/* Of the columns that dy reaches, and of those between. */
RT_INLINED void spread_wide_begin(rt_wide *at, rt_wide *between, const float w[3],
	rt_wide mid, rt_wide right, size_t n)
{
	*at = rt_wide_mul(w[1], mid, n);
	*between = rt_wide_mul(w[2], mid, n);
	*between = rt_wide_add(*between, w[0], right, n);
}

RT_INLINED void spread_wide_end(SpreadWide *s, int32_t width, rt_wide at,
	rt_wide between)
{
	rt_wide_store(s->dx, 2, at, s->n);
	if (s->between > 0)
		rt_wide_store(s->dx + 1, 2, between, s->between);
	s->dx += width;
}

RT_APART void spread_wide_columns(const Spread *plane, int32_t q, size_t n)
{
	const Spread d = *plane;
	rt_nine nine;
	const float *const w = nine.w;
	const int32_t wide = d.width - 2 * q;
	rt_wide mid, right, at, between;
	SpreadWide s;

	rt_nine_load(&nine, d.w);
	s.dy = d.dy + q, s.dx = d.dx + 2 * q, s.n = n;
	s.between = wide >= 2 * (int32_t)n ? n : n - 1;
	s.right = q + (int32_t)n < d.ow;
	spread_wide_load(&s, &mid, &right);
	for (int32_t a = 1, left = d.h;; a++) {
		spread_wide_begin(&at, &between, w + 3, mid, right, n);
		spread_wide_end(&s, d.width, at, between);
		if (--left == 0)
			return;
		spread_wide_begin(&at, &between, w + 6, mid, right, n);
		if (a < d.oh) {
			s.dy += d.ow;
			spread_wide_load(&s, &mid, &right);
			at = rt_wide_add(at, w[1], mid, n);
			between = rt_wide_add(between, w[2], mid, n);
			between = rt_wide_add(between, w[0], right, n);
		}
		spread_wide_end(&s, d.width, at, between);
		if (--left == 0)
			return;
	}
}

static void spread_strips(const Spread *d, int32_t columns)
{
	size_t n;

	for (int32_t q = 0; q < columns; q += (int32_t)n) {
		n = rt_wide_lanes(columns - q, columns);
		spread_wide_columns(d, q, n);
	}
}

#else

/* Sums of a row of dx: of columns that one of dy reaches, of those between. */
typedef struct SpreadRow {
	rt_four at, between;
} SpreadRow;

RT_INLINED SpreadRow spread_begin(const float w[3], const rt_three *x)
{
	SpreadRow t;

	t.at = rt_four_mul(RT_AGAIN(w[1]), x->mid);
	t.between = rt_four_mul(RT_AGAIN(w[2]), x->mid);
	t.between = rt_four_add(t.between, RT_AGAIN(w[0]), x->right);
	return t;
}

RT_INLINED void spread_add(SpreadRow *t, const float w[3], const rt_three *x)
{
	t->at = rt_four_add(t->at, RT_AGAIN(w[1]), x->mid);
	t->between = rt_four_add(t->between, RT_AGAIN(w[2]), x->mid);
	t->between = rt_four_add(t->between, RT_AGAIN(w[0]), x->right);
}

/* The columns from q on, n of dy; is each second one of dx there? */
RT_INLINED void spread_columns(const Spread *plane, int32_t q, int32_t n,
	int32_t wide)
{
	const Spread d = *plane;
	rt_nine nine;
	const float *const w = RT_HELIUM ? d.w : nine.w;
	const float *p = d.dy + q;
	rt_edges e = rt_edges_at(p, 1, n, 0, q + n < d.ow);
	float *to = d.dx + 2 * q;
	rt_three x = rt_edges_load(&e, p, 1, n);

	rt_nine_load(&nine, d.w);
	for (int32_t left = d.h, last = d.h - 2 * (d.oh - 1);;) {
		SpreadRow t = spread_begin(w + 3, &x);
		rt_four_put_two(to, t.at, t.between, n, wide);
		to += d.width;
		if (left == 1)
			return;
		t = spread_begin(w + 6, &x);
		if (left > last) {
			p += d.ow;
			rt_edges_move(&e, d.ow);
			x = rt_edges_load(&e, p, 1, n);
			spread_add(&t, w, &x);
		}
		rt_four_put_two(to, t.at, t.between, n, wide);
		to += d.width;
		left -= 2;
		if (left == 0)
			return;
	}
}

RT_APART void spread_four(const Spread *d, int32_t q)
{
	spread_columns(d, q, 4, 8);
}

RT_APART void spread_one(const Spread *d, int32_t q)
{
	spread_columns(d, q, 1, d->width - 2 * q);
}

/* The last four columns of which there are two of dx each end with these. */
static void spread_strips(const Spread *d, int32_t columns)
{
	const int32_t whole = d->width / 2;
	int32_t q = 0;

	for (; whole >= 4 && q < whole; q += 4)
		spread_four(d, rt_min(q, whole - 4));
	for (q = rt_min(q, whole); q < columns; q++)
		spread_one(d, q);
}

#endif

static int spread_axis(int32_t size, int32_t out, int32_t taps, int32_t stride,
	int32_t pad, int32_t dil)
{
	return taps == 3 && stride == 2 && pad == 1 && dil == 1
		&& (size + 1) / 2 <= out;
}

RT_API int rt_depth_spread(const rt_conv *d, const float *dy, const float *w,
	float *dx)
{
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	Spread plane;

	if (d->o != d->c
		|| !spread_axis(d->h, d->oh, d->kh, d->sh, d->ph, d->dh)
		|| !spread_axis(d->w, d->ow, d->kw, d->sw, d->pw, d->dw))
		return 0;
	plane.oh = d->oh, plane.ow = d->ow, plane.h = d->h, plane.width = d->w;
	plane.dy = dy, plane.dx = dx;
	for (int32_t n = 0; n < d->n; n++) {
		plane.w = w;
		for (int32_t c = 0; c < d->c; c++) {
			spread_strips(&plane, (d->w + 1) / 2);
			plane.w += 9, plane.dy += ys, plane.dx += xs;
		}
	}
	return 1;
}

/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient for the input of a depthwise 3x3 convolution at stride 2, without
 * workspace, for machines without vector registers.  With a row and column of
 * padding in front, row a of dy reaches the rows 2a - 1, 2a and 2a + 1 of dx by
 * the three rows of taps, and columns likewise; without, as TensorFlow pads
 * even sizes, the rows 2a, 2a + 1 and 2a + 2.  A strip of four columns of dy
 * goes down with the nine weights in registers, and with the sums of the row
 * of dx that its next row ends: a row takes 5 loads and 16 stores for 36
 * products.  On RISC-V's vectors a strip has as many columns as there are lanes.
 */
#include "runtime/rt.h"
#include "runtime/direct.h"
#include "runtime/rvv.h"

/* A plane; is there padding above it, in front of it? */
typedef struct Spread {
	const float *w, *dy;
	float *dx;
	int32_t oh, ow, h, width, above, front;
} Spread;

/*
 * A column of dy reaches the one that is at it, and it shares those between
 * two with the next column, or with the one before where nothing is in front
 * of dx: between is then on the left of at.
 */
enum spread_form { SPREAD_PADDED, SPREAD_BARE };

#if RT_RVV

/* A row of dy. */
typedef struct SpreadWide {
	const float *dy;
	float *dx;
	size_t n, between;	/* columns that there are, and between them */
	int beside;		/* is there one more? */
} SpreadWide;

/* Those that share a column between two: on the left of it, on the right. */
RT_INLINED void spread_wide_load(enum spread_form form, const SpreadWide *s,
	rt_wide *left, rt_wide *right)
{
	if (form == SPREAD_BARE) {
		*right = rt_wide_load(s->dy, s->n);
		*left = rt_wide_before(s->beside ? s->dy[-1] : 0.0f, *right, s->n);
		return;
	}
	*left = rt_wide_load(s->dy, s->n);
	*right = rt_wide_behind(*left, s->beside ? s->dy[s->n] : 0.0f, s->n);
}

/* Of the columns that dy reaches, and of those between. */
RT_INLINED void spread_wide_begin(enum spread_form form, rt_wide *at,
	rt_wide *between, const float w[3], rt_wide left, rt_wide right, size_t n)
{
	*at = rt_wide_mul(w[1], form == SPREAD_BARE ? right : left, n);
	*between = rt_wide_mul(w[2], left, n);
	*between = rt_wide_add(*between, w[0], right, n);
}

RT_INLINED void spread_wide_end(enum spread_form form, SpreadWide *s,
	int32_t width, rt_wide at, rt_wide between)
{
	const int bare = form == SPREAD_BARE;

	rt_wide_store(s->dx + bare, 2, at, s->n);
	if (s->between > 0)
		rt_wide_store(s->dx + !bare, 2, between, s->between);
	s->dx += width;
}

RT_INLINED void spread_wide_columns(enum spread_form form, const Spread *plane,
	int32_t q, size_t n)
{
	const Spread d = *plane;
	rt_nine nine;
	const float *const w = nine.w;
	const int32_t wide = d.width - 2 * q;
	rt_wide x, z, at, between;
	SpreadWide s;
	int32_t left = d.h;

	rt_nine_load(&nine, d.w);
	s.dy = d.dy + q, s.dx = d.dx + 2 * q, s.n = n;
	s.between = wide >= 2 * (int32_t)n ? n : n - 1;
	s.beside = form == SPREAD_BARE ? q > 0 : q + (int32_t)n < d.ow;
	spread_wide_load(form, &s, &x, &z);
	if (!d.above) {
		spread_wide_begin(form, &at, &between, w, x, z, n);
		spread_wide_end(form, &s, d.width, at, between);
		left--;
	}
	for (int32_t a = 1;; a++) {
		spread_wide_begin(form, &at, &between, w + 3, x, z, n);
		spread_wide_end(form, &s, d.width, at, between);
		if (--left == 0)
			return;
		spread_wide_begin(form, &at, &between, w + 6, x, z, n);
		if (a < d.oh) {
			s.dy += d.ow;
			spread_wide_load(form, &s, &x, &z);
			at = rt_wide_add(at, w[1], form == SPREAD_BARE ? z : x, n);
			between = rt_wide_add(between, w[2], x, n);
			between = rt_wide_add(between, w[0], z, n);
		}
		spread_wide_end(form, &s, d.width, at, between);
		if (--left == 0)
			return;
	}
}

RT_APART void spread_wide_padded(const Spread *d, int32_t q, size_t n)
{
	spread_wide_columns(SPREAD_PADDED, d, q, n);
}

RT_APART void spread_wide_bare(const Spread *d, int32_t q, size_t n)
{
	spread_wide_columns(SPREAD_BARE, d, q, n);
}

static void spread_strips(const Spread *d, int32_t columns)
{
	size_t n;

	for (int32_t q = 0; q < columns; q += (int32_t)n) {
		n = rt_wide_lanes(columns - q, columns);
		(RT_PADS_BARE && !d->front ? spread_wide_bare
			: spread_wide_padded)(d, q, n);
	}
}

#else

/* Sums of a row of dx: of columns that one of dy reaches, of those between. */
typedef struct SpreadRow {
	rt_four at, between;
} SpreadRow;

/* Columns of dy on the left and on the right of one between them. */
RT_INLINED rt_four spread_left(enum spread_form form, const rt_three *x)
{
	return form == SPREAD_BARE ? x->left : x->mid;
}

RT_INLINED rt_four spread_right(enum spread_form form, const rt_three *x)
{
	return form == SPREAD_BARE ? x->mid : x->right;
}

RT_INLINED SpreadRow spread_begin(enum spread_form form, const float w[3],
	const rt_three *x)
{
	SpreadRow t;

	t.at = rt_four_mul(RT_AGAIN(w[1]), x->mid);
	t.between = rt_four_mul(RT_AGAIN(w[2]), spread_left(form, x));
	t.between = rt_four_add(t.between, RT_AGAIN(w[0]),
		spread_right(form, x));
	return t;
}

RT_INLINED void spread_add(enum spread_form form, SpreadRow *t,
	const float w[3], const rt_three *x)
{
	t->at = rt_four_add(t->at, RT_AGAIN(w[1]), x->mid);
	t->between = rt_four_add(t->between, RT_AGAIN(w[2]),
		spread_left(form, x));
	t->between = rt_four_add(t->between, RT_AGAIN(w[0]),
		spread_right(form, x));
}

RT_INLINED void spread_put(enum spread_form form, float *to,
	const SpreadRow *t, int32_t n, int32_t wide)
{
	if (form == SPREAD_BARE)
		rt_four_put_two(to, t->between, t->at, n, wide);
	else
		rt_four_put_two(to, t->at, t->between, n, wide);
}

/* The columns from q on, n of dy; is each second one of dx there? */
RT_INLINED void spread_columns(enum spread_form form, const Spread *plane,
	int32_t q, int32_t n, int32_t wide)
{
	const Spread d = *plane;
	rt_nine nine;
	const float *const w = RT_HELIUM ? d.w : nine.w;
	const float *p = d.dy + q;
	rt_edges e = rt_edges_at(p, 1, n, form == SPREAD_BARE && q > 0,
		form == SPREAD_PADDED && q + n < d.ow);
	float *to = d.dx + 2 * q;
	rt_three x = rt_edges_load(&e, p, 1, n);
	const int32_t rows = d.h - !d.above, last = rows - 2 * (d.oh - 1);
	int32_t left;
	SpreadRow t;

	rt_nine_load(&nine, d.w);
	if (!d.above) {
		t = spread_begin(form, w, &x);
		spread_put(form, to, &t, n, wide);
		to += d.width;
	}
	left = rows;
	for (;;) {
		t = spread_begin(form, w + 3, &x);
		spread_put(form, to, &t, n, wide);
		to += d.width;
		if (left == 1)
			return;
		t = spread_begin(form, w + 6, &x);
		if (left > last) {
			p += d.ow;
			rt_edges_move(&e, d.ow);
			x = rt_edges_load(&e, p, 1, n);
			spread_add(form, &t, w, &x);
		}
		spread_put(form, to, &t, n, wide);
		to += d.width;
		left -= 2;
		if (left == 0)
			return;
	}
}

RT_APART void spread_four(const Spread *d, int32_t q)
{
	spread_columns(SPREAD_PADDED, d, q, 4, 8);
}

RT_APART void spread_one(const Spread *d, int32_t q)
{
	spread_columns(SPREAD_PADDED, d, q, 1, d->width - 2 * q);
}

RT_APART void spread_four_bare(const Spread *d, int32_t q)
{
	spread_columns(SPREAD_BARE, d, q, 4, 8);
}

RT_APART void spread_one_bare(const Spread *d, int32_t q)
{
	spread_columns(SPREAD_BARE, d, q, 1, 2);
}

/* The last four columns of which there are two of dx each end with these. */
static void spread_strips(const Spread *d, int32_t columns)
{
	const int bare = RT_PADS_BARE && !d->front;
	const int32_t whole = rt_min(columns, d->width / 2);
	int32_t q = 0;

	for (; whole >= 4 && q < whole; q += 4)
		(bare ? spread_four_bare : spread_four)(d,
			rt_min(q, whole - 4));
	for (q = rt_min(q, whole); q < columns; q++)
		(bare ? spread_one_bare : spread_one)(d, q);
}

#endif

/* The column of dx behind all, which the last column of dy reaches by the third
 * taps alone. */
static void spread_behind(const Spread *d)
{
	const float *dy = d->dy + d->ow - 1;
	float *dx = d->dx + d->width - 1;

	for (int32_t u = 0; u < d->h; u++, dx += d->width) {
		const int32_t first = (u + d->above) % 2;
		const int32_t a = (u + d->above) / 2;
		float t = 0;
		if (first == 0 && a > 0)
			t = d->w[8] * dy[(a - 1) * d->ow];
		if (a < d->oh)
			t = first == 0 && a > 0 ? RT_FMA(d->w[2],
				dy[a * d->ow], t) : d->w[first * 3 + 2] * dy[a * d->ow];
		*dx = t;
	}
}

/* One of which at most the last row of dx is reached by less than there are
 * taps. */
static int spread_axis(int32_t size, int32_t out, int32_t taps, int32_t stride,
	int32_t pad, int32_t dil)
{
	if (taps != 3 || stride != 2 || dil != 1)
		return 0;
	if (pad == 1)
		return (size + 1) / 2 <= out;
	return RT_PADS_BARE && pad == 0 && size / 2 == out;
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
	plane.above = d->ph, plane.front = d->pw;
	plane.dy = dy, plane.dx = dx;
	for (int32_t n = 0; n < d->n; n++) {
		plane.w = w;
		for (int32_t c = 0; c < d->c; c++) {
			spread_strips(&plane, rt_min(d->ow, (d->w + 1) / 2));
			if (RT_PADS_BARE && d->w > 2 * d->ow)
				spread_behind(&plane);
			plane.w += 9, plane.dy += ys, plane.dx += xs;
		}
	}
	return 1;
}

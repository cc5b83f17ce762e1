/* SPDX-License-Identifier: 0BSD */
/*
 * conv_five.c by Helium: two channels by up to twelve columns, whose third
 * vector ends with them.  A row of taps takes 15 loads of the source and 6 of
 * weights for 120 products.
 */
#ifndef RT_CONV_FIVE_HELIUM_H
#define RT_CONV_FIVE_HELIUM_H

#include "runtime/direct.h"

#if RT_HELIUM

enum five_form {
	FIVE_TWO,	/* vectors */
	FIVE_COPY,	/* two of a copy of the source */
	FIVE_THREE,
	FIVE_LEFT,	/* two, without the first four of the source */
	FIVE_RIGHT	/* without the last four */
};

/* Of two channels, vectors from left to right. */
typedef struct FiveSums {
	rt_four a, b, c, d, e, f;
} FiveSums;

/* A row of n columns, the last vector from last on; which of the window are there,
 * four bits each. */
typedef struct FiveTile {
	const rt_direct *d;
	rt_direct_rows rows;
	uint64_t there;
	int32_t n, last;
	float *y;
} FiveTile;

/* Columns from p on, the last from q on; tap is its place on the way back. */
RT_INLINED void five_tap(enum five_form form, int tap, float u, float v,
	const float *p, const float *q, FiveSums *s)
{
	const int from = form == FIVE_LEFT ? tap : 0;
	const int end = form == FIVE_RIGHT ? tap : 4;

	if (from < 4) {
		const rt_four x = rt_four_part(p, from, 4);
		s->a = rt_four_add(s->a, u, x);
		s->d = rt_four_add(s->d, v, x);
	}
	if (form == FIVE_THREE) {
		const rt_four x = rt_four_load(p + 4);
		s->b = rt_four_add(s->b, u, x);
		s->e = rt_four_add(s->e, v, x);
	}
	if (end > 0) {
		const rt_four x = rt_four_part(q, 0, end);
		s->c = rt_four_add(s->c, u, x);
		s->f = rt_four_add(s->f, v, x);
	}
}

/* A row of taps, of columns from p on; on the way back, from the right. */
RT_INLINED void five_row(enum five_form form, int back, const float *u,
	const float *v, const float *p, ptrdiff_t last, FiveSums *s)
{
	const float *q = p + last;
	rt_pair a = rt_pair_load(u), b = rt_pair_load(v);

	five_tap(form, 0, a.a, b.a, p + (back ? 4 : 0), q + (back ? 4 : 0), s);
	five_tap(form, 1, a.b, b.b, p + (back ? 3 : 1), q + (back ? 3 : 1), s);
	a = rt_pair_load(u + 2), b = rt_pair_load(v + 2);
	five_tap(form, 2, a.a, b.a, p + 2, q + 2, s);
	five_tap(form, 3, a.b, b.b, p + (back ? 1 : 3), q + (back ? 1 : 3), s);
	five_tap(form, 4, u[4], v[4], p + (back ? 0 : 4), q + (back ? 0 : 4),
		s);
}

/* A row of the window, with zeros for what is not there. */
RT_INLINED void five_copy(float *to, const float *p, uint64_t there)
{
	for (int32_t i = 0; i < 3; i++)
		rt_four_store(to + 4 * i, vldrwq_z_f32(p + 4 * i,
			(mve_pred16_t)(there >> 16 * i)));
}

/* All rows of taps of all source channels. */
RT_INLINED FiveSums five_sum(enum five_form form, int back, const FiveTile *t)
{
	const ptrdiff_t last = form == FIVE_LEFT || form == FIVE_RIGHT ? 4
		: t->last;
	const rt_direct *d = t->d;
	const ptrdiff_t rows = t->rows.n, xr = t->rows.xr, wr = t->rows.wr;
	const ptrdiff_t xc = d->xc - rows * xr, wc = d->wc - rows * wr;
	const float *p = t->rows.x, *u = t->rows.w;
	const float *v = d->lanes > 1 ? u + d->wlane : u;
	const rt_four a = rt_four_of(d->bias ? d->bias[0] : 0.0f);
	const rt_four c = rt_four_of(d->bias ? d->bias[d->lanes - 1] : 0.0f);
	FiveSums s = { a, a, a, c, c, c };
	float buf[12];

	for (int32_t i = rows > 0 ? d->channels : 0; i > 0; i--) {
		for (ptrdiff_t j = rows; j > 0; j--) {
			if (form == FIVE_COPY)
				five_copy(buf, p, t->there);
			five_row(form, back, u, v, form == FIVE_COPY ? buf : p,
				last, &s);
			p += xr, u += wr, v += wr;
		}
		p += xc, u += wc, v += wc;
	}
	return s;
}

/* A row of a channel. */
RT_INLINED void five_put(enum five_form form, const FiveTile *t, float *y,
	rt_four a, rt_four b, rt_four c)
{
	if (t->n < 4) {
		rt_four_put(y, a, t->n);
		return;
	}
	rt_four_store(y, a);
	if (form == FIVE_THREE)
		rt_four_store(y + 4, b);
	rt_four_store(y + t->last, c);
}

RT_INLINED void five_tile(enum five_form form, int back, const FiveTile *t)
{
	const FiveSums s = five_sum(form, back, t);

	five_put(form, t, t->y, s.a, s.b, s.c);
	if (t->d->lanes > 1)
		five_put(form, t, t->y + t->d->yc, s.d, s.e, s.f);
}

RT_APART void five_two_on(const FiveTile *t)
{
	five_tile(FIVE_TWO, 0, t);
}

RT_APART void five_copy_on(const FiveTile *t)
{
	five_tile(FIVE_COPY, 0, t);
}

RT_APART void five_three_on(const FiveTile *t)
{
	five_tile(FIVE_THREE, 0, t);
}

RT_APART void five_two_back(const FiveTile *t)
{
	five_tile(FIVE_TWO, 1, t);
}

RT_APART void five_copy_back(const FiveTile *t)
{
	five_tile(FIVE_COPY, 1, t);
}

RT_APART void five_three_back(const FiveTile *t)
{
	five_tile(FIVE_THREE, 1, t);
}

RT_APART void five_left(const FiveTile *t)
{
	five_tile(FIVE_LEFT, 1, t);
}

RT_APART void five_right(const FiveTile *t)
{
	five_tile(FIVE_RIGHT, 1, t);
}

/* Four bits for each of the first n. */
RT_INLINED uint64_t five_bits(int32_t n)
{
	return n <= 0 ? 0 : n < 16 ? ((uint64_t)1 << 4 * n) - 1 : UINT64_MAX;
}

static void five_pick(FiveTile *t, const rt_direct_window *w)
{
	const int back = t->d->h.step < 0, left = w->lo > 0;
	const int right = w->hi < w->width;

	if (back && w->width == 12 && w->lo == 4 && !right) {
		five_left(t);
		return;
	}
	if (back && w->width == 12 && !left && w->hi == 8) {
		five_right(t);
		return;
	}
	t->there = five_bits(w->hi) & ~five_bits(w->lo);
	if (left || right)
		(back ? five_copy_back : five_copy_on)(t);
	else if (t->n > 8)
		(back ? five_three_back : five_three_on)(t);
	else
		(back ? five_two_back : five_two_on)(t);
}

/* The next columns, from q on or, if these are the last, before: as few vectors
 * as do, but no more than two of a copy. */
static int32_t five_next(FiveTile *t, rt_direct_window *w, int32_t q)
{
	const rt_direct_axis *h = &t->d->h;
	const int32_t left = h->out - q;

	t->n = left > 16 ? 12 : left > 12 ? 8 : left > 8 ? left : rt_min(8, h->out);
	for (;;) {
		const int32_t at = rt_min(q, h->out - t->n);
		t->last = t->n < 4 ? 0 : t->n - 4;
		*w = rt_direct_window_at(h, h->origin + at, t->last + 4);
		if (t->n <= 8 || (w->lo <= 0 && w->hi >= w->width))
			return at;
		t->n = 8;
	}
}

/* Up to two channels. */
static void five_channels(const rt_direct *d)
{
	FiveTile t;

	t.d = d;
	for (int32_t r = 0; r < d->v.out; r++) {
		const rt_direct_rows rows = rt_direct_rows_of(d, r);
		t.rows = rows;
		for (int32_t q = 0; q < d->h.out; q += t.n) {
			rt_direct_window w;
			q = five_next(&t, &w, q);
			t.rows.x = rows.x + w.from;
			t.y = d->y + r * d->yr + q;
			five_pick(&t, &w);
		}
	}
}

#endif

#endif

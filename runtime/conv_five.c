/* SPDX-License-Identifier: 0BSD */
/*
 * Sums over rows of five taps side by side at stride 1, of a convolution or its
 * gradient for the input, without workspace, for machines without vector
 * registers (direct.h).  A tile is two output channels by eight columns: a row
 * of taps takes 12 loads of the source and 10 of weights for 80 products.  What
 * eight columns are too many for, two serve.  Tiles that would read beyond the
 * ends of a row read a copy of their part of it with zeros around.  Of the
 * gradient without padding these would be half of all products, so tiles
 * of which just the four first or last columns of the source are missing have
 * forms without these.
 */
#include "runtime/rt.h"
#include "runtime/direct.h"

#if !RT_RVV && !RT_HELIUM

/* Two channels of eight columns, or of two in a and c. */
typedef struct FiveSums {
	rt_four a, b, c, d;
} FiveSums;

enum five_form {
	FIVE_PART,
	FIVE_EIGHT,
	FIVE_LEFT,	/* without the first four of the source */
	FIVE_RIGHT	/* without the last four */
};

/* A tap: weights u and v, columns from p on; tap is its place on the way back. */
RT_INLINED void five_tap(enum five_form form, int tap, float u, float v,
	const float *p, FiveSums *s)
{
	const int from = form == FIVE_LEFT ? tap : 0;
	const int most = form == FIVE_PART ? 2 : 4;
	const int end = form == FIVE_RIGHT ? tap : form == FIVE_PART ? 0 : 4;

	if (from < most) {
		const rt_four z = rt_four_part(p, from, most);
		s->a = rt_four_add_part(s->a, u, z, from, most);
		s->c = rt_four_add_part(s->c, v, z, from, most);
	}
	if (end > 0) {
		const rt_four z = rt_four_part(p + 4, 0, end);
		s->b = rt_four_add_part(s->b, u, z, 0, end);
		s->d = rt_four_add_part(s->d, v, z, 0, end);
	}
	RT_KEEP_FOUR(s->a);
	RT_KEEP_FOUR(s->b);
	RT_KEEP_FOUR(s->c);
	RT_KEEP_FOUR(s->d);
}

/* Two, of columns from p on; on the way back, up to p + 1. */
RT_INLINED void five_two(enum five_form form, int tap, int back,
	const float *u, const float *v, const float *p, FiveSums *s)
{
	const rt_pair a = rt_pair_load(u + tap), b = rt_pair_load(v + tap);

	five_tap(form, tap, a.a, b.a, p + back, s);
	five_tap(form, tap + 1, a.b, b.b, p + !back, s);
}

/* A row of taps, of columns from p on; on the way back, from the right. */
RT_INLINED void five_row(enum five_form form, int back, const float *u,
	const float *v, const float *p, FiveSums *s)
{
	five_two(form, 0, back, u, v, p + (back ? 3 : 0), s);
	five_two(form, 2, back, u, v, p + (back ? 1 : 2), s);
	five_tap(form, 4, u[4], v[4], p + (back ? 0 : 4), s);
}

/* Eight columns of all rows, or two, n of which there are. */
typedef struct FiveTile {
	const rt_direct *d;
	rt_direct_window win;
	enum five_form form;
	int copied;
	int32_t n;
	float *y;
} FiveTile;

/* All rows of taps of all source channels; copied, if there is a buffer. */
RT_INLINED void five_sum(enum five_form form, int back, const FiveTile *t,
	const rt_direct_rows *rows, float *buf, FiveSums *s)
{
	const rt_direct *d = t->d;
	const rt_direct_window *win = &t->win;
	const ptrdiff_t xr = rows->xr, xc = d->xc - rows->n * xr;
	const ptrdiff_t wr = rows->wr, wc = d->wc - rows->n * wr;
	const float *p = rows->x + win->from, *u = rows->w;
	const float *v = d->lanes > 1 ? u + d->wlane : u;

	if (rows->n == 0)
		return;
	for (int32_t c = d->channels; c > 0; c--) {
		for (int32_t i = rows->n; i > 0; i--) {
			if (buf)
				rt_direct_copy(buf, p, win->lo, win->hi);
			five_row(form, back, u, v, buf ? buf : p, s);
			p += xr, u += wr, v += wr;
			RT_KEEP(u);
			RT_KEEP(v);
		}
		p += xc, u += wc, v += wc;
	}
}

/* A row of a channel. */
RT_INLINED void five_put(const FiveTile *t, float *y, rt_four first,
	rt_four last)
{
	if (t->form != FIVE_PART) {
		rt_four_store(y, first);
		rt_four_store(y + 4, last);
		return;
	}
	rt_four_put(y, first, rt_min(t->n, 2));
}

RT_APART void five_rows(const rt_direct *d, int32_t r, rt_direct_rows *rows)
{
	*rows = rt_direct_rows_of(d, r);
}

/* The form of a tile changes its innermost loops alone. */
RT_INLINED void five_sums(int back, const FiveTile *t,
	const rt_direct_rows *rows, float *buf, FiveSums *s)
{
	if (back && t->form == FIVE_LEFT)
		five_sum(FIVE_LEFT, 1, t, rows, NULL, s);
	else if (back && t->form == FIVE_RIGHT)
		five_sum(FIVE_RIGHT, 1, t, rows, NULL, s);
	else if (t->form == FIVE_PART)
		five_sum(FIVE_PART, back, t, rows, buf, s);
	else
		five_sum(FIVE_EIGHT, back, t, rows, buf, s);
}

RT_INLINED void five_tile(const FiveTile *t, int back)
{
	const rt_direct *d = t->d;
	float *y = t->y;
	float buf[12];

	for (int32_t j = 0; t->copied && j < 12; j++)
		buf[j] = 0;
	for (int32_t r = 0; r < d->v.out; r++, y += d->yr) {
		const rt_four a = rt_four_of(d->bias ? d->bias[0] : 0.0f);
		const rt_four c = rt_four_of(d->bias ? d->bias[d->lanes - 1]
			: 0.0f);
		FiveSums s = { a, a, c, c };
		rt_direct_rows rows;
		five_rows(d, r, &rows);
		five_sums(back, t, &rows, t->copied ? buf : NULL, &s);
		five_put(t, y, s.a, s.b);
		if (d->lanes > 1)
			five_put(t, y + d->yc, s.c, s.d);
	}
}

RT_APART void five_on(const FiveTile *t)
{
	five_tile(t, 0);
}

RT_APART void five_back(const FiveTile *t)
{
	five_tile(t, 1);
}

static void five_pick(FiveTile *t)
{
	const rt_direct_window *w = &t->win;
	const int back = t->d->h.step < 0;
	const int left = w->lo > 0, right = w->hi < w->width;

	t->form = w->width == 12 ? FIVE_EIGHT : FIVE_PART;
	if (back && w->width == 12 && w->lo == 4 && !right)
		t->form = FIVE_LEFT;
	if (back && w->width == 12 && !left && w->hi == 8)
		t->form = FIVE_RIGHT;
	t->copied = (left || right) && t->form != FIVE_LEFT
		&& t->form != FIVE_RIGHT;
	(back ? five_back : five_on)(t);
}

/* Up to two channels. */
static void five_channels(const rt_direct *d)
{
	const int32_t out = d->h.out;
	int32_t q = 0;
	FiveTile t;

	t.d = d;
	while (q < out) {
		const int32_t n = out - q > 4 && out >= 8 ? 8 : 2;
		const int32_t at = n > out - q && out >= n ? out - n : q;
		t.win = rt_direct_window_at(&d->h, d->h.origin + at, n);
		t.n = out - at, t.y = d->y + at;
		five_pick(&t);
		q = at + n;
	}
}

RT_API int rt_conv_five(rt_direct *d, const float *w, const float *bias,
	float *y, int32_t channels)
{
	const rt_direct_axis *h = &d->h;

	if (h->taps != 5 || h->stride != 1 || h->wstep != 1 || d->yq != 1
		|| (h->step != 1 && h->step != -1))
		return 0;
	for (int32_t i = 0; i < channels; i += 2) {
		d->lanes = rt_min(2, channels - i), d->w = w + i * d->wlane;
		d->bias = bias ? bias + i : NULL, d->y = y + i * d->yc;
		five_channels(d);
	}
	return 1;
}

#endif

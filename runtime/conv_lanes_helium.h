/* SPDX-License-Identifier: 0BSD */
/*
 * Sums of conv_plain.c over rows of two, three or five taps side by side, by
 * Helium.  A tile is up to four output channels, which are the lanes, by up to
 * six columns.  A tap's weights are gathered from four addresses and serve all
 * columns, each of which is a scalar that up to five taps share: a row of five
 * taps takes 5 loads of weights and 5 of the source for 120 products.  Tiles
 * that would read beyond the ends of a row read a copy of their part of it with
 * zeros around, unless there is a form for what they lack.
 */
#ifndef RT_CONV_LANES_HELIUM_H
#define RT_CONV_LANES_HELIUM_H

enum lanes_edge {
	LANES_WHOLE,
	LANES_LEFT,	/* without as many on the left as there is a form for */
	LANES_RIGHT,
	LANES_COPY
};

/* Up to four channels, the lanes: addresses of weights and outputs, but for where
 * they begin; and a tile of theirs. */
typedef struct ConvLanes {
	const rt_direct *d;
	rt_heads w, y;
	rt_four begin;
	rt_direct_rows rows;
	int32_t n, at, from;	/* columns from at on; the window in a row */
	uint64_t there;		/* four bits for each column of it */
	enum lanes_edge edge;
	int32_t put;		/* columns that are outputs */
	const float *p;		/* the window in the first row */
	float *to;
} ConvLanes;

/* What is known of a tile: its taps, and of its n columns those of the window that
 * are there; the way back goes from the right. */
typedef struct LanesForm {
	int taps, stride, back, wstep, n, lo, hi;
} LanesForm;

/* Of n columns. */
typedef struct LanesSums {
	rt_four a, b, c, d, e, f;
} LanesSums;

/* Weight i of a row. */
RT_INLINED rt_four lanes_weight(rt_heads w, int i)
{
	switch (i) {
	case 0: return vldrwq_gather_base_f32(w.at, 4);
	case 1: return vldrwq_gather_base_f32(w.at, 8);
	case 2: return vldrwq_gather_base_f32(w.at, 12);
	case 3: return vldrwq_gather_base_f32(w.at, 16);
	default: return vldrwq_gather_base_f32(w.at, 20);
	}
}

/* Columns that tap t takes and that are there: the least, the one past the most. */
RT_INLINED int lanes_from(LanesForm f, int t)
{
	const int i = f.back ? f.taps - 1 - t : t;

	return i < f.lo ? f.lo : i;
}

RT_INLINED int lanes_end(LanesForm f, int t)
{
	const int i = (f.back ? f.taps - t : t + 1) + (f.n - 1) * f.stride;

	return i > f.hi ? f.hi : i;
}

/* Columns that tap t is the first to take. */
RT_INLINED void lanes_columns(LanesForm f, int t, float *c, const float *x)
{
	if (f.back) {
		const int was = t ? (f.hi - lanes_from(f, t - 1) + 1) & ~1 : 0;
		int i = f.hi - was;
#pragma clang loop unroll(full)
		for (; i > lanes_from(f, t) && i > f.lo + 1; i -= 2) {
			const rt_pair v = rt_pair_load(x + i - 2);
			c[i - 2] = v.a, c[i - 1] = v.b;
		}
		if (i > lanes_from(f, t))
			c[i - 1] = x[i - 1];
	} else {
		const int was = t ? (lanes_end(f, t - 1) - f.lo + 1) & ~1 : 0;
		int i = f.lo + was;
#pragma clang loop unroll(full)
		for (; i < lanes_end(f, t) && i + 1 < f.hi; i += 2) {
			const rt_pair v = rt_pair_load(x + i);
			c[i] = v.a, c[i + 1] = v.b;
		}
		if (i < lanes_end(f, t))
			c[i] = x[i];
	}
}

/* Column j at tap t. */
RT_INLINED rt_four lanes_add(LanesForm f, int t, int j, rt_four s, rt_four w,
	const float *c)
{
	const int i = j * f.stride + (f.back ? f.taps - 1 - t : t);

	return j < f.n && i >= f.lo && i < f.hi ? rt_four_add(s, c[i], w) : s;
}

RT_INLINED void lanes_tap(LanesForm f, int t, LanesSums *s, rt_heads at,
	float *c, const float *x)
{
	rt_four w;

	if (t >= f.taps)
		return;
	lanes_columns(f, t, c, x);
	w = lanes_weight(at, t * f.wstep);
	s->a = lanes_add(f, t, 0, s->a, w, c);
	s->b = lanes_add(f, t, 1, s->b, w, c);
	s->c = lanes_add(f, t, 2, s->c, w, c);
	s->d = lanes_add(f, t, 3, s->d, w, c);
	s->e = lanes_add(f, t, 4, s->e, w, c);
	s->f = lanes_add(f, t, 5, s->f, w, c);
}

/* A row of taps. */
RT_INLINED void lanes_row(LanesForm f, LanesSums *s, rt_heads w, const float *x)
{
	float c[16];

	lanes_tap(f, 0, s, w, c, x);
	lanes_tap(f, 1, s, w, c, x);
	lanes_tap(f, 2, s, w, c, x);
	lanes_tap(f, 3, s, w, c, x);
	lanes_tap(f, 4, s, w, c, x);
}

/* A row of the window, with zeros for what is not there. */
RT_INLINED void lanes_copy(LanesForm f, float *to, const float *p, uint64_t there)
{
	const int width = f.taps + (f.n - 1) * f.stride;

	for (int i = 0; 4 * i < width; i++)
		rt_four_store(to + 4 * i, vldrwq_z_f32(p + 4 * i,
			(mve_pred16_t)(there >> 16 * i)));
}

RT_APART void lanes_put(const ConvLanes *t, const float *s)
{
	const ptrdiff_t next = t->d->yq - 1;
	rt_heads y = t->y;

	y.at = vaddq_n_u32(y.at, (uint32_t)(uintptr_t)t->to);
	for (int32_t i = t->put; i > 0; i--, s += 4) {
		rt_heads_put(&y, rt_four_load(s));
		rt_heads_move(&y, next);
	}
}

RT_INLINED void lanes_store(int n, const LanesSums *s, float *to)
{
	rt_four_store(to, s->a), rt_four_store(to + 4, s->b);
	if (n > 2)
		rt_four_store(to + 8, s->c), rt_four_store(to + 12, s->d);
	if (n > 4)
		rt_four_store(to + 16, s->e), rt_four_store(to + 20, s->f);
}

/* All source channels of as many rows of taps as a row has; at the last one of a
 * channel they move on to the next. */
RT_INLINED void lanes_square(LanesForm f, const ConvLanes *t, rt_heads w,
	LanesSums *s)
{
	const ptrdiff_t xr = t->rows.xr, xc = t->d->xc - (f.taps - 1) * xr;
	const ptrdiff_t wr = t->rows.wr, wc = t->d->wc - (f.taps - 1) * wr;
	const float *p = t->p;

	for (int32_t i = t->d->channels; i > 0; i--) {
		lanes_row(f, s, w, p);
		p += xr;
		rt_heads_move(&w, wr);
		if (f.taps > 2) {
			lanes_row(f, s, w, p);
			p += xr;
			rt_heads_move(&w, wr);
		}
		lanes_row(f, s, w, p);
		p += xc;
		rt_heads_move(&w, wc);
	}
}

/* The same of any rows, and by way of buf if they are copied. */
RT_INLINED void lanes_any(LanesForm f, const ConvLanes *t, rt_heads w, float *buf,
	LanesSums *s)
{
	const int32_t rows = t->rows.n;
	const ptrdiff_t xr = t->rows.xr, xc = t->d->xc - rows * xr;
	const ptrdiff_t wr = t->rows.wr, wc = t->d->wc - rows * wr;
	const float *p = t->p;

	for (int32_t i = rows > 0 ? t->d->channels : 0; i > 0; i--) {
		for (int32_t j = rows; j > 0; j--) {
			if (buf)
				lanes_copy(f, buf, p, t->there);
			lanes_row(f, s, w, buf ? buf : p);
			p += xr;
			rt_heads_move(&w, wr);
		}
		p += xc;
		rt_heads_move(&w, wc);
	}
}

RT_INLINED void lanes_sum(LanesForm f, int copy, const ConvLanes *t)
{
	LanesSums s = { t->begin, t->begin, t->begin, t->begin, t->begin,
		t->begin };
	rt_heads w = t->w;
	float buf[24];

	w.at = vaddq_n_u32(w.at, (uint32_t)(uintptr_t)t->rows.w);
	if (f.wstep == 2 && !copy && t->rows.n == f.taps)
		lanes_square(f, t, w, &s);
	else
		lanes_any(f, t, w, copy ? buf : NULL, &s);
	lanes_store(f.n, &s, buf);
	lanes_put(t, buf);
}

/* A tile of n columns that lack lack at an edge, if any. */
RT_INLINED void lanes_tile(int taps, int stride, int back, int wstep, int n,
	int lack, enum lanes_edge edge, const ConvLanes *t)
{
	const int width = taps + (n - 1) * stride;
	const LanesForm f = { taps, stride, back, wstep, n,
		edge == LANES_LEFT ? lack : 0,
		edge == LANES_RIGHT ? width - lack : width };

	lanes_sum(f, edge == LANES_COPY, t);
}

/* Tiles of four, or of two that are copied. */
RT_INLINED void lanes_four(int taps, int stride, int back, int wstep,
	const ConvLanes *t)
{
	if (t->n == 2)
		lanes_tile(taps, stride, back, wstep, 2, 0, LANES_COPY, t);
	else if (t->edge == LANES_WHOLE)
		lanes_tile(taps, stride, back, wstep, 4, 1, LANES_WHOLE, t);
	else if (taps < 5 && t->edge == LANES_LEFT)
		lanes_tile(taps, stride, back, wstep, 4, 1, LANES_LEFT, t);
	else if (taps < 5 && t->edge == LANES_RIGHT)
		lanes_tile(taps, stride, back, wstep, 4, 1, LANES_RIGHT, t);
	else
		lanes_tile(taps, stride, back, wstep, 4, 0, LANES_COPY, t);
}

/* Of three taps at stride 1. */
RT_INLINED void lanes_three(int back, const ConvLanes *t)
{
	if (t->n < 6)
		lanes_four(3, 1, back, 1, t);
	else if (t->edge == LANES_WHOLE)
		lanes_tile(3, 1, back, 1, 6, 1, LANES_WHOLE, t);
	else if (t->edge == LANES_LEFT)
		lanes_tile(3, 1, back, 1, 6, 1, LANES_LEFT, t);
	else
		lanes_tile(3, 1, back, 1, 6, 1, LANES_RIGHT, t);
}

RT_APART void lanes_three_on(const ConvLanes *t)
{
	lanes_three(0, t);
}

RT_APART void lanes_three_back(const ConvLanes *t)
{
	lanes_three(1, t);
}

/* Every second of five taps, as the way back at stride 2 takes them. */
RT_APART void lanes_three_apart(const ConvLanes *t)
{
	lanes_four(3, 1, 1, 2, t);
}

RT_APART void lanes_three_two(const ConvLanes *t)
{
	lanes_four(3, 2, 0, 1, t);
}

RT_APART void lanes_two_apart(const ConvLanes *t)
{
	lanes_four(2, 1, 1, 2, t);
}

RT_APART void lanes_five_two(const ConvLanes *t)
{
	lanes_four(5, 2, 0, 1, t);
}

RT_APART void lanes_five_on(const ConvLanes *t)
{
	if (t->n == 6 && t->edge == LANES_WHOLE)
		lanes_tile(5, 1, 0, 1, 6, 0, LANES_WHOLE, t);
	else if (t->n == 6)
		lanes_tile(5, 1, 0, 1, 6, 0, LANES_COPY, t);
	else
		lanes_four(5, 1, 0, 1, t);
}

RT_APART void lanes_five_back(const ConvLanes *t)
{
	if (t->n == 6 && t->edge == LANES_WHOLE)
		lanes_tile(5, 1, 1, 1, 6, 0, LANES_WHOLE, t);
	else if (t->n == 6)
		lanes_tile(5, 1, 1, 1, 6, 0, LANES_COPY, t);
	else if (t->n == 4 && t->edge == LANES_LEFT)
		lanes_tile(5, 1, 1, 1, 4, 4, LANES_LEFT, t);
	else if (t->n == 4 && t->edge == LANES_RIGHT)
		lanes_tile(5, 1, 1, 1, 4, 4, LANES_RIGHT, t);
	else
		lanes_four(5, 1, 1, 1, t);
}

/* ---- rows of outputs ---- */

/* Who computes tiles of a kind; the most columns of one, what is lacking where
 * there is a form for it, and is there a copy of the most columns? */
typedef struct LanesKind {
	void (*run)(const ConvLanes *t);
	int32_t most, lack;
	int copies;
} LanesKind;

/* None if nobody does. */
static LanesKind lanes_kind(const rt_direct_axis *h)
{
	const int on = h->step == 1 && h->wstep == 1;
	const int back = h->step == -1 && h->stride == 1;
	const int three = RT_CONV_THREE && h->taps == 3;
	const int five = RT_CONV_FIVE && h->taps == 5;
	LanesKind k = { NULL, 4, 1, 0 };

	if (three && on && h->stride == 1)
		k.run = lanes_three_on, k.most = 6;
	else if (three && back && h->wstep == 1)
		k.run = lanes_three_back, k.most = 6;
	else if (five && on && h->stride == 1)
		k.run = lanes_five_on, k.most = 6, k.lack = 0, k.copies = 1;
	else if (five && back && h->wstep == 1)
		k.run = lanes_five_back, k.most = 6, k.lack = 4, k.copies = 1;
	else if (RT_CONV_STRIDE > 1 && three && on && h->stride == 2)
		k.run = lanes_three_two;
	else if (RT_DIRECT_ANY && RT_CONV_STRIDE > 1 && five && on
		&& h->stride == 2)
		k.run = lanes_five_two, k.lack = 0;
	else if (RT_DIRECT_ANY && RT_CONV_STRIDE > 1 && h->taps == 3 && back
		&& h->wstep == 2)
		k.run = lanes_three_apart;
	else if (RT_DIRECT_ANY && RT_CONV_STRIDE > 1 && h->taps == 2 && back
		&& h->wstep == 2)
		k.run = lanes_two_apart;
	return k;
}

/* Four bits for each of the first n. */
RT_INLINED uint64_t lanes_bits(int32_t n)
{
	return n <= 0 ? 0 : ((uint64_t)1 << 4 * n) - 1;
}

/* The tile of n columns that ends at end or begins at q, whichever is before; where
 * it ends. */
static int32_t lanes_at(ConvLanes *t, const LanesKind *k, int32_t q, int32_t end,
	int32_t n)
{
	const rt_direct_axis *h = &t->d->h;
	const int32_t at = end < n ? 0 : rt_min(q, end - n);
	const rt_direct_window w = rt_direct_window_at(h,
		h->origin + at * h->stride, n);
	const int left = w.lo > 0, right = w.hi < w.width;

	t->n = n, t->at = at, t->put = rt_min(n, end - at), t->from = w.from;
	t->there = lanes_bits(w.hi) & ~lanes_bits(w.lo);
	if (!left && !right)
		t->edge = LANES_WHOLE;
	else if (left && !right && w.lo == k->lack)
		t->edge = LANES_LEFT;
	else if (right && !left && w.width - w.hi == k->lack)
		t->edge = LANES_RIGHT;
	else
		t->edge = LANES_COPY;
	return at + n;
}

/* The next one: no more columns than there are, and few of them twice. */
static int32_t lanes_next(ConvLanes *t, const LanesKind *k, int32_t q, int32_t end)
{
	const int32_t left = end - q;
	const int32_t n = left > 4 && left != 7 && left != 8 && end >= k->most
		? k->most : end < 4 ? 2 : 4;
	const int32_t next = lanes_at(t, k, q, end, n);

	if (n > 4 && t->edge == LANES_COPY && !k->copies)
		return lanes_at(t, k, q, end, 4);
	return next;
}

/* All the channels of a group. */
typedef struct LanesGroup {
	const float *bias;
	float *y;
	int32_t channels;
} LanesGroup;

/* A tile of a row of each of them. */
static void lanes_channels(ConvLanes *t, const LanesKind *k, const LanesGroup *g)
{
	const rt_direct *d = t->d;

	for (int32_t i = 0; i < g->channels; i += 4) {
		const int32_t lanes = rt_min(4, g->channels - i);
		if (i == 0 || lanes < 4) {
			t->w = rt_heads_at(NULL, d->wlane, lanes);
			t->y = rt_heads_at(NULL, d->yc, lanes);
		}
		if (g->bias) {
			const rt_heads b = rt_heads_at(g->bias + i, 1, lanes);
			t->begin = rt_heads_load(&b);
		}
		k->run(t);
		t->rows.w += 4 * d->wlane, t->to += 4 * d->yc;
	}
}

/* Those of row r; most rows lack none. */
RT_INLINED rt_direct_rows lanes_rows_of(const rt_direct *d, int32_t r)
{
	const rt_direct_axis *v = &d->v;
	const int32_t at = v->origin + r * v->stride;
	const int32_t last = at + (v->taps - 1) * v->step;

	if (at >= 0 && at < v->size && last >= 0 && last < v->size)
		return rt_direct_rows_at(d, r, 0, v->taps);
	return rt_direct_rows_of(d, r);
}

/* A tile of all rows. */
static void lanes_rows(ConvLanes *t, const LanesKind *k, const LanesGroup *g)
{
	const rt_direct *d = t->d;
	float *to = g->y + t->at * d->yq;

	for (int32_t r = 0; r < d->v.out; r++, to += d->yr) {
		t->rows = lanes_rows_of(d, r);
		t->p = t->rows.x + t->from, t->to = to;
		lanes_channels(t, k, g);
	}
}

/* 0 if it is of no kind. */
static int conv_lanes(rt_direct *d, const float *w, const float *bias, float *y,
	int32_t channels)
{
	const LanesKind k = lanes_kind(&d->h);
	const LanesGroup g = { bias, y, channels };
	int32_t q = 0, end = d->h.out;
	ConvLanes t;

	if (!k.run)
		return 0;
	d->w = w, t.d = d, t.begin = rt_four_of(0);
	if (k.lack > 1 && end >= 8) {	/* there are forms for tiles of four */
		lanes_at(&t, &k, end, end, 4);
		if (t.edge == LANES_RIGHT) {
			lanes_rows(&t, &k, &g);
			end -= 4;
		}
		lanes_at(&t, &k, 0, end, 4);
		if (t.edge == LANES_LEFT) {
			lanes_rows(&t, &k, &g);
			q = 4;
		}
	}
	while (q < end) {
		q = lanes_next(&t, &k, q, end);
		lanes_rows(&t, &k, &g);
	}
	return 1;
}

#endif

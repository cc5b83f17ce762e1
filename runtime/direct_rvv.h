/* SPDX-License-Identifier: 0BSD */
/*
 * direct.h on RISC-V's vectors: a tile is up to four output channels by as many
 * columns as there are lanes.  Where it would read beyond the ends of a row, it
 * reads a copy with zeros around.
 */
#ifndef RT_DIRECT_RVV_H
#define RT_DIRECT_RVV_H

#include "runtime/direct.h"
#include "runtime/rvv.h"
#include "runtime/tile4.h"

#if RT_RVV

#define RT_WIDE_WINDOW 128	/* columns that a tile may copy */

/* n columns from y on, that is, from at on in the source. */
typedef struct rt_wide_tile {
	const rt_direct *d;
	const rt_direct_rows *rows;
	int32_t at;
	size_t n;
	float *y;
} rt_wide_tile;

/* What is known of taps. */
enum rt_wide_taps {
	RT_WIDE_THREE,	/* three; weights and columns lie side by side */
	RT_WIDE_THREE_APART,	/* three; weights do */
	RT_WIDE_BESIDE,	/* columns do */
	RT_WIDE_ANY
};

/* p[0 .. n) = 0, or what from has. */
RT_INLINED void rt_wide_copy(float *p, const float *from, int32_t n)
{
	for (size_t m; n > 0; n -= (int32_t)m, p += m) {
		m = rt_wide_lanes(n, n);
		rt_wide_store(p, 1, from ? rt_wide_load(from, m)
			: rt_wide_of(0, m), m);
		from = from ? from + m : from;
	}
}

RT_INLINED rt_wide rt_wide_bias(const rt_wide_tile *t, int32_t i)
{
	const rt_direct *d = t->d;

	return rt_wide_of(!d->bias ? 0.0f
		: d->bias[i < d->lanes ? i : d->lanes - 1], t->n);
}

/* Channel i, if there is one. */
RT_INLINED void rt_wide_channel(const rt_wide_tile *t, int32_t i, rt_wide r)
{
	if (i < t->d->lanes)
		rt_wide_store(t->y + i * t->d->yc, t->d->yq, r, t->n);
}

/* Of four channels, or of one. */
RT_INLINED void rt_wide_sum(const rt_wide_tile *to, enum rt_wide_taps form,
	int one)
{
	const rt_direct *d = to->d;
	const rt_direct_axis *h = &d->h;
	const rt_direct_rows *rows = to->rows;
	const size_t n = to->n;
	const rt_direct_window win = rt_direct_window_at(h, to->at, (int32_t)n);
	const int inside = win.lo == 0 && win.hi == win.width;
	const int three = form == RT_WIDE_THREE || form == RT_WIDE_THREE_APART;
	const int beside = form == RT_WIDE_THREE || form == RT_WIDE_BESIDE;
	const int32_t taps = three ? 3 : h->taps;
	const ptrdiff_t ws = three ? 1 : h->wstep;
	rt_rows w = rt_rows_at(rows->w, d->wlane, d->lanes);
	rt_wide r0 = rt_wide_bias(to, 0), r1 = rt_wide_bias(to, 1);
	rt_wide r2 = rt_wide_bias(to, 2), r3 = rt_wide_bias(to, 3);
	float buf[RT_WIDE_WINDOW];

	if (!inside)
		rt_wide_copy(buf, NULL, win.width);
	for (int32_t c = 0; c < d->channels; c++) {
		const float *p = rows->x + win.from + c * d->xc;
		for (int32_t i = rows->n; i > 0; i--, p += rows->xr) {
			const float *z = (inside ? p : buf) + to->at - win.from;
			if (!inside)
				rt_wide_copy(buf + win.lo, p + win.lo,
					win.hi - win.lo);
			for (int32_t l = taps; l > 0; l--, z += h->step) {
				const rt_wide v = beside ? rt_wide_load(z, n)
					: rt_wide_gather(z, h->stride, n);
				r0 = rt_wide_add(r0, *w.a, v, n);
				w.a += ws;
				if (one)
					continue;
				r1 = rt_wide_add(r1, *w.b, v, n);
				r2 = rt_wide_add(r2, *w.c, v, n);
				r3 = rt_wide_add(r3, *w.d, v, n);
				w.b += ws, w.c += ws, w.d += ws;
			}
			rt_rows_move(&w, rows->wr - taps * ws);
		}
		rt_rows_move(&w, d->wc - rows->n * rows->wr);
	}
	rt_wide_channel(to, 0, r0);
	rt_wide_channel(to, 1, r1);
	rt_wide_channel(to, 2, r2);
	rt_wide_channel(to, 3, r3);
}

RT_INLINED enum rt_wide_taps rt_wide_form(const rt_direct_axis *h)
{
	if (h->taps == 3 && h->wstep == 1)
		return h->stride == 1 ? RT_WIDE_THREE : RT_WIDE_THREE_APART;
	return h->stride == 1 ? RT_WIDE_BESIDE : RT_WIDE_ANY;
}

/* The columns of a plane, by tiles; 0 if taps are too far apart. */
RT_INLINED int rt_wide_plane(const rt_direct *d,
	void (*tile)(const rt_wide_tile *))
{
	const rt_direct_axis *h = &d->h;
	const int32_t span = (h->taps - 1) * (h->step < 0 ? -h->step : h->step);
	const int32_t most = (RT_WIDE_WINDOW - 1 - span) / h->stride + 1;
	rt_wide_tile t;

	if (span >= RT_WIDE_WINDOW)
		return 0;
	t.d = d;
	for (int32_t r = 0; r < d->v.out; r++) {
		const rt_direct_rows rows = rt_direct_rows_of(d, r);
		t.rows = &rows;
		for (int32_t q = 0; q < h->out; q += (int32_t)t.n) {
			t.n = rt_wide_lanes(h->out - q, most);
			t.at = h->origin + q * h->stride;
			t.y = d->y + r * d->yr + q * d->yq;
			tile(&t);
		}
	}
	return 1;
}

#endif

#endif

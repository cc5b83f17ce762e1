/* SPDX-License-Identifier: 0BSD */
/*
 * Convolution and its gradient for the input without workspace, for machines
 * without vector registers (direct.h).  A tile is 4 output channels by 4
 * columns, held in registers over all taps.  Tiles that would read beyond the
 * ends of a row read a copy of their part of it with zeros around; three taps
 * side by side, as in most networks, and five at stride 2, need only see that
 * the columns before and after the tile may be zeros.  Channels past the last
 * alias it; a row's last tile ends with the row.
 */
#include "runtime/rt.h"
#include "runtime/direct.h"
#include "runtime/direct_rvv.h"
#include "runtime/fives.h"
#include "runtime/tile4.h"

#if RT_HELIUM
#include "runtime/conv_lanes_helium.h"
#endif

RT_API void rt_conv_bias(const float *bias, int32_t channels, int32_t size,
	float *y)
{
	for (int32_t i = 0; i < channels; i++)
		for (int32_t j = 0; j < size; j++)
			*y++ = bias[i];
}

/* ---- tiles ---- */

/* Where a tile is. */
typedef struct DirectTile {
	int32_t at;	/* source of tap 0 for its first column */
	int32_t n;	/* columns that are outputs */
	float *y;
} DirectTile;

RT_INLINED rt_four direct_bias(const rt_direct *d, int32_t i)
{
	if (!d->bias)
		return rt_four_of(0);
	return rt_four_of(d->bias[i < d->lanes ? i : d->lanes - 1]);
}

RT_INLINED rt_tile4 direct_begin(const rt_direct *d)
{
	const rt_tile4 t = { direct_bias(d, 0), direct_bias(d, 1),
		direct_bias(d, 2), direct_bias(d, 3) };

	return t;
}

/* lanes channels by n columns of a tile. */
RT_APART void direct_put(const rt_direct *d, const DirectTile *to,
	const float *t)
{
	float *y = to->y;

	for (int32_t i = 0; i < d->lanes; i++, y += d->yc, t += 4)
		for (int32_t j = 0; j < to->n; j++)
			y[j * d->yq] = t[j];
}

RT_INLINED void direct_end(const rt_direct *d, const DirectTile *to,
	const rt_tile4 *t)
{
	float buf[16];

	if (to->n == 4 && d->lanes == 4 && d->yq == 1) {
		rt_tile4_store(to->y, d->yc, t);
		return;
	}
	rt_tile4_store(buf, 4, t);
	direct_put(d, to, buf);
}

/* What makes loads cheap along a row of taps (see tile4.h). */
enum direct_form {
	DIRECT_NN,	/* weights go on, columns lie side by side */
	DIRECT_NT,	/* weights and columns go on */
	DIRECT_SIDE,	/* columns lie side by side */
	DIRECT_ANY
};

/* Adds a row of taps, of columns from p on. */
RT_INLINED void direct_row(enum direct_form form, const rt_direct_axis *h,
	rt_rows *w, const float *p, rt_tile4 *t)
{
	rt_lanes z = rt_lanes_at(p, h->stride, 4);

	if (form == DIRECT_NN)
		rt_tile4_few(t, h->taps, w, p, h->step);
	else if (form == DIRECT_NT)
		rt_tile4_nt(t, h->taps, w, &z);
	else if (form == DIRECT_SIDE)
		rt_tile4_side(t, h->taps, w, h->wstep, p, h->step);
	else
		rt_tile4_any(t, h->taps, w, h->wstep, &z, h->step);
}

/* The same where the window is too wide to be copied. */
RT_INLINED void direct_far_row(const rt_direct_axis *h, rt_rows *w,
	const float *row, int32_t at, rt_tile4 *t)
{
	float buf[4];

	for (int32_t l = 0; l < h->taps; l++, at += h->step) {
		rt_direct_pick(row, at, h->stride, h->size, buf);
		rt_tile4_side(t, 1, w, h->wstep, buf, 0);
	}
}

RT_INLINED void direct_sum(enum direct_form form, const rt_direct *d,
	const rt_direct_rows *rows, int32_t at, rt_tile4 *t)
{
	const rt_direct_window win = rt_direct_window_at(&d->h, at, 4);
	const int inside = win.lo == 0 && win.hi == win.width;
	const int far = form == DIRECT_ANY && !inside
		&& win.width > RT_DIRECT_WINDOW;
	const ptrdiff_t wr = rows->wr - d->h.taps * d->h.wstep;
	const float *p = rows->x + win.from;
	float buf[RT_DIRECT_WINDOW] = { 0 };
	int32_t left = rows->n;
	rt_rows w = rt_rows_at(rows->w, d->wlane, d->lanes);

	for (int32_t i = rows->n * d->channels; i > 0; i--) {
		if (!inside && !far)
			rt_direct_copy(buf, p, win.lo, win.hi);
		if (far)
			direct_far_row(&d->h, &w, p - win.from, at, t);
		else
			direct_row(form, &d->h, &w, (inside ? p : buf)
				+ at - win.from, t);
		p += rows->xr;
		rt_rows_move(&w, wr);
		if (--left > 0)
			continue;
		left = rows->n;
		p += d->xc - rows->n * rows->xr;
		rt_rows_move(&w, d->wc - rows->n * rows->wr);
	}
}

RT_INLINED void direct_whole(enum direct_form form, const rt_direct *d,
	const rt_direct_rows *rows, const DirectTile *to)
{
	rt_tile4 t = direct_begin(d);

	direct_sum(form, d, rows, to->at, &t);
	direct_end(d, to, &t);
}

RT_APART void direct_nn(const rt_direct *d, const rt_direct_rows *rows,
	const DirectTile *to)
{
	direct_whole(DIRECT_NN, d, rows, to);
}

RT_APART void direct_nt(const rt_direct *d, const rt_direct_rows *rows,
	const DirectTile *to)
{
	direct_whole(DIRECT_NT, d, rows, to);
}

RT_APART void direct_side(const rt_direct *d, const rt_direct_rows *rows,
	const DirectTile *to)
{
	direct_whole(DIRECT_SIDE, d, rows, to);
}

RT_APART void direct_any(const rt_direct *d, const rt_direct_rows *rows,
	const DirectTile *to)
{
	direct_whole(DIRECT_ANY, d, rows, to);
}

static void direct_general(const rt_direct *d, const rt_direct_rows *rows,
	const DirectTile *to)
{
	const rt_direct_axis *h = &d->h;
	const rt_direct_window w = rt_direct_window_at(h, to->at, 4);

	if (RT_CONV_SPAN > RT_DIRECT_WINDOW && w.width > RT_DIRECT_WINDOW
		&& (w.lo > 0 || w.hi < w.width))
		direct_any(d, rows, to);
	else if (RT_CONV_STRIDE == 1 || (h->wstep == 1 && h->stride == 1))
		direct_nn(d, rows, to);
	else if (h->wstep == 1 && h->step == 1)
		direct_nt(d, rows, to);
	else if (h->stride == 1)
		direct_side(d, rows, to);
	else
		direct_any(d, rows, to);
}

/* ---- three taps side by side, at stride 1 or 2 ---- */

/* Where a tile is in the source, and in the weights. */
typedef struct DirectThree {
	const float *p;
	rt_edges e;
	rt_rows w;
} DirectThree;

/* The next row of a tile; on the way back, from the right. */
RT_INLINED rt_three direct_three_load(DirectThree *s, ptrdiff_t xr,
	int32_t stride, int back)
{
	const rt_three x = rt_edges_pairs(&s->e, s->p, stride, 4);
	const rt_three turned = { x.right, x.mid, x.left };

	s->p += xr;
	rt_edges_move(&s->e, xr);
	return back ? turned : x;
}

/* All source channels of n rows of taps. */
RT_INLINED void direct_three_few(const rt_direct *d, int32_t n, ptrdiff_t xr,
	int32_t stride, int back, DirectThree *s, rt_tile4 *t)
{
	const ptrdiff_t next = d->xc - n * xr, wnext = d->wc - n * 3;
	int32_t row = n;

	for (int32_t i = n * d->channels; i > 0; i--) {
		const rt_three x = direct_three_load(s, xr, stride, back);
		rt_tile4_three(t, &s->w, x.left, x.mid, x.right);
		if (--row > 0)
			continue;
		row = n;
		s->p += next;
		rt_edges_move(&s->e, next);
		rt_rows_move(&s->w, wnext);
	}
}

RT_INLINED void direct_three(const rt_direct *d, const rt_direct_rows *rows,
	const DirectTile *to, int32_t stride, int back)
{
	const int32_t lo = back ? to->at - 2 : to->at;
	const int left = lo >= 0, right = lo + 3 * stride + 2 < d->h.size;
	rt_tile4 t = direct_begin(d);
	DirectThree s;

	s.p = rows->x + lo + 1;
	s.e = rt_edges_at(s.p, stride, 4, left, right);
	s.w = rt_rows_at(rows->w, d->wlane, d->lanes);
	direct_three_few(d, rows->n, rows->xr, stride, back, &s, &t);
	direct_end(d, to, &t);
}

/* The tiles from q on, the last of which ends at end. */
RT_INLINED void direct_three_tiles(const rt_direct *d,
	const rt_direct_rows *rows, int32_t q, int32_t end, float *y,
	int32_t stride, int back)
{
	for (; q < end; q += 4) {
		const int32_t i = q + 4 > end ? end - 4 : q;
		const DirectTile to = { d->h.origin + i * stride, 4,
			y + i * d->yq };
		direct_three(d, rows, &to, stride, back);
	}
}

RT_APART void direct_three_on(const rt_direct *d, const rt_direct_rows *rows,
	int32_t q, int32_t end, float *y)
{
	direct_three_tiles(d, rows, q, end, y, 1, 0);
}

RT_APART void direct_three_two(const rt_direct *d, const rt_direct_rows *rows,
	int32_t q, int32_t end, float *y)
{
	direct_three_tiles(d, rows, q, end, y, 2, 0);
}

RT_APART void direct_three_back(const rt_direct *d,
	const rt_direct_rows *rows, int32_t q, int32_t end, float *y)
{
	direct_three_tiles(d, rows, q, end, y, 1, 1);
}

/* ---- five, at stride 2 ---- */

/* All source channels. */
RT_INLINED void direct_five(const rt_direct *d, const rt_direct_rows *rows,
	const DirectTile *to)
{
	const ptrdiff_t xr = rows->xr, next = d->xc - rows->n * xr;
	const ptrdiff_t wnext = d->wc - rows->n * 5;
	const float *p = rows->x + to->at;
	rt_fives x = rt_fives_at(p, 2, 4, -to->at, d->h.size - to->at);
	rt_rows w = rt_rows_at(rows->w, d->wlane, d->lanes);
	rt_tile4 t = direct_begin(d);
	int32_t row = rows->n;

	for (int32_t i = row * d->channels; i > 0; i--) {
		rt_fives_row z;
		rt_fives_load(&x, p, 2, 4, &z);
		rt_tile4_two(&t, &w, rt_fives_first(&x, &z, 2, 4, 0),
			rt_fives_first(&x, &z, 2, 4, 1));
		rt_tile4_two(&t, &w, rt_fives_first(&x, &z, 2, 4, 2),
			rt_fives_first(&x, &z, 2, 4, 3));
		rt_tile4_of_several(&t, &w, rt_fives_first(&x, &z, 2, 4, 4));
		p += xr;
		rt_fives_move(&x, xr);
		if (--row > 0)
			continue;
		row = rows->n;
		p += next;
		rt_fives_move(&x, next);
		rt_rows_move(&w, wnext);
	}
	direct_end(d, to, &t);
}

RT_APART void direct_five_two(const rt_direct *d, const rt_direct_rows *rows,
	int32_t q, int32_t end, float *y)
{
	for (; q < end; q += 4) {
		const int32_t i = rt_min(q, end - 4);
		const DirectTile to = { d->h.origin + i * 2, 4, y + i };
		direct_five(d, rows, &to);
	}
}

static void direct_by_form(const rt_direct *d, const rt_direct_rows *rows,
	rt_direct_span at, float *y)
{
	if (RT_CONV_STRIDE > 1 && RT_CONV_FIVE && d->h.taps == 5)
		direct_five_two(d, rows, at.from, at.end, y);
	else if (RT_CONV_STRIDE > 1 && d->h.stride == 2)
		direct_three_two(d, rows, at.from, at.end, y);
	else if (d->h.step > 0)
		direct_three_on(d, rows, at.from, at.end, y);
	else
		direct_three_back(d, rows, at.from, at.end, y);
}

/* ---- planes ---- */

/* Columns from q to end, and in front of these if that makes a tile whole. */
static void direct_tiles(const rt_direct *d, const rt_direct_rows *rows,
	int32_t q, int32_t end, float *y)
{
	for (; RT_DIRECT_ANY && q < end; q += 4) {
		const int32_t i = q + 4 > end && end >= 4 ? end - 4 : q;
		const DirectTile to = { d->h.origin + i * d->h.stride,
			rt_min(4, end - i), y + i * d->yq };
		direct_general(d, rows, &to);
	}
}

#if RT_RVV
RT_APART void direct_wide_three(const rt_wide_tile *t)
{
	rt_wide_sum(t, RT_WIDE_THREE, 0);
}

RT_APART void direct_wide_three_apart(const rt_wide_tile *t)
{
	rt_wide_sum(t, RT_WIDE_THREE_APART, 0);
}

RT_APART void direct_wide_beside(const rt_wide_tile *t)
{
	rt_wide_sum(t, RT_WIDE_BESIDE, 0);
}

RT_APART void direct_wide_any(const rt_wide_tile *t)
{
	rt_wide_sum(t, RT_WIDE_ANY, 0);
}

static int direct_wide(const rt_direct *d)
{
	const enum rt_wide_taps form = rt_wide_form(&d->h);

	return rt_wide_plane(d, form == RT_WIDE_THREE ? direct_wide_three
		: form == RT_WIDE_THREE_APART ? direct_wide_three_apart
		: form == RT_WIDE_BESIDE ? direct_wide_beside
		: direct_wide_any);
}
#endif

RT_APART void direct_plane(const rt_direct *d)
{
	const rt_direct_span form = rt_direct_span_of(d);
	float *y = d->y;

#if RT_RVV
	if (direct_wide(d))
		return;
#endif

	for (int32_t r = 0; r < d->v.out; r++, y += d->yr) {
		const rt_direct_rows rows = rt_direct_rows_of(d, r);
		direct_tiles(d, &rows, 0, form.from, y);
		if (form.from < form.end)
			direct_by_form(d, &rows, form, y);
		direct_tiles(d, &rows, form.end, d->h.out, y);
	}
}

/* ---- the two ---- */

/* All the channels of a group, four at a time. */
static void direct_group(rt_direct *d, const float *w, const float *bias,
	float *y, int32_t channels)
{
#if RT_HELIUM
	if (conv_lanes(d, w, bias, y, channels))
		return;
#elif !RT_RVV
	if (RT_CONV_FIVE && rt_conv_five(d, w, bias, y, channels))
		return;
#endif
	for (int32_t i = 0; i < channels; i += 4) {
		d->lanes = channels - i < 4 ? channels - i : 4;
		d->w = w + i * d->wlane, d->y = y + i * d->yc;
		d->bias = bias ? bias + i : NULL;
		direct_plane(d);
	}
}

RT_API void rt_conv_forward_plain(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y)
{
	const int32_t og = d->o / d->groups;
	rt_direct job;

	rt_direct_forward(&job, d);
	for (int32_t i = 0; i < d->n * d->groups; i++) {
		const int32_t o = i % d->groups * og;
		job.x = x + i * job.channels * job.xc;
		direct_group(&job, w + o * job.wlane, bias ? bias + o : NULL,
			y + i * og * job.yc, og);
	}
}

/* The outputs of group i of all images that are r, q modulo the strides. */
static void direct_input(const rt_conv *d, const float *dy, const float *w,
	float *dx, int32_t i, int32_t r, int32_t q)
{
	const int32_t cg = d->c / d->groups;
	rt_direct job;

	rt_direct_grad_input(&job, d, r, q);
	job.x = dy + i * job.channels * job.xc;
	direct_group(&job, w + i % d->groups * job.channels * job.wc, NULL,
		dx + i * cg * job.yc + (ptrdiff_t)r * d->w + q, cg);
}

RT_API void rt_conv_grad_input_plain(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
#if !RT_RVV
	if (RT_CONV_STRIDE > 1 && RT_CONV_THREE && rt_conv_spread(d, dy, w, dx))
		return;
#endif
#if !RT_RVV && !RT_HELIUM
	if (RT_CONV_STRIDE > 1 && RT_CONV_FIVE
		&& rt_conv_spread_five(d, dy, w, dx))
		return;
#endif
	for (int32_t i = 0; i < d->n * d->groups; i++)
		for (int32_t r = 0; r < d->sh && r < d->h; r++)
			for (int32_t q = 0; q < d->sw && q < d->w; q++)
				direct_input(d, dy, w, dx, i, r, q);
}

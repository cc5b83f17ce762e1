/* SPDX-License-Identifier: 0BSD */
/*
 * The convolution of conv_s8.c on Helium (s8_helium.h).  A column, of the window of
 * any output, is gathered eight steps at a time: where they are, from the window's
 * corner on, and which row and column of taps each is of, is in tables behind the
 * columns, made once.  With one output a channel, as of a dense layer, four rows of
 * weights go over one column instead of one row over four.
 */
#ifndef RT_CONV_S8_HELIUM_H
#define RT_CONV_S8_HELIUM_H

#include "runtime/s8_helium.h"

typedef struct S8Gather {
	const S8Conv *s;
	rt_s8_signed x;
	int32_t tabled;
	int8_t *col;
	/* Of a step: its offset, from the channel of the eight's first on; and a
	 * bit for its row of taps, and one for its column. The last of an eight
	 * may come several times. */
	uint16_t *from, *tap;
} S8Gather;

enum { S8_EIGHT = 8 };

/* ---- tables ---- */

/* Do offsets and bits fit? Eight steps span so many planes and a window. */
static int32_t s8_fits(const S8Conv *s)
{
	const int32_t taps = s->kh * s->kw;
	const int64_t window = (int64_t)(s->kh - 1) * s->dh * s->w
		+ (int64_t)(s->kw - 1) * s->dw;

	return s->kh <= S8_EIGHT && s->kw <= S8_EIGHT
		&& (int64_t)((taps + 6) / taps) * s->h * s->w + window
			<= UINT16_MAX;
}

static void s8_tables(const S8Gather *g)
{
	const S8Conv *const s = g->s;
	const int32_t taps = s->kh * s->kw;

	for (int32_t k = 0; k < s->steps; k++) {
		const int32_t c = k / taps - (k & -S8_EIGHT) / taps;
		const int32_t i = k % taps / s->kw, j = k % s->kw;
		g->from[k] = (uint16_t)(c * s->h * s->w + i * s->dh * s->w
			+ j * s->dw);
		g->tap[k] = (uint16_t)(1 << i | 0x100 << j);
	}
	for (int32_t k = s->steps; k % S8_EIGHT != 0; k++)
		g->from[k] = g->from[k - 1], g->tap[k] = g->tap[k - 1];
}

static S8Gather s8_gather_of(const S8Conv *s)
{
	const int32_t whole = (s->steps + RT_S8_BLOCK - 1) & -RT_S8_BLOCK;
	S8Gather g = { s, rt_s8_signed_of(s->zero), s8_fits(s),
		(int8_t *)s->col, 0, 0 };

	g.from = (uint16_t *)(void *)(g.col + 4 * whole);
	g.tap = g.from + whole;
	return g;
}

/* ---- columns ---- */

/* The corner of an output's window, and the bits of taps that it lacks. */
typedef struct S8Window {
	const uint8_t *x;
	uint16_t lacks;
	int32_t u, v;
} S8Window;

static uint32_t s8_lacks(int32_t at, int32_t step, int32_t taps, int32_t size)
{
	uint32_t bits = 0;

	for (int32_t i = 0; i < taps && i < S8_EIGHT; i++, at += step)
		bits |= (uint32_t)((uint32_t)at >= (uint32_t)size) << i;
	return bits;
}

RT_INLINED S8Window s8_window(const S8Conv *s, int32_t r, int32_t q)
{
	const int32_t u = r * s->sh - s->ph, v = q * s->sw - s->pw;
	S8Window w = { s->x + (ptrdiff_t)u * s->w + v, 0, u, v };

	if (u < 0 || v < 0 || u + (s->kh - 1) * s->dh >= s->h
		|| v + (s->kw - 1) * s->dw >= s->w)
		w.lacks = (uint16_t)(s8_lacks(u, s->dh, s->kh, s->h)
			| s8_lacks(v, s->dw, s->kw, s->w) << 8);
	return w;
}

/* Sixteen bytes of each column, those that are not there. */
static void s8_pad_columns(const S8Gather *g)
{
	const uint8x16_t pad = vdupq_n_u8((uint8_t)(g->x.pad ^ g->x.flip));
	uint8_t *to = (uint8_t *)g->col;

	for (int32_t k = g->s->steps; k > 0; k -= RT_S8_BLOCK) {
		for (int32_t i = 0; i < 4; i++)
			vstrbq_u8(to + i * RT_S8_BLOCK, pad);
		to += 4 * RT_S8_BLOCK;
	}
}

/* The columns of four windows that lack something, or nothing. */
RT_INLINED void s8_four_columns(const S8Gather *g, const S8Window *w,
	int lacking)
{
	const int32_t taps = g->s->kh * g->s->kw, plane = g->s->h * g->s->w;
	const int32_t steps = g->s->steps;
	const uint16x8_t flip = vdupq_n_u16((uint16_t)g->x.flip);
	const uint8_t *x[4] = { w[0].x, w[1].x, w[2].x, w[3].x };
	const uint16_t *from = g->from, *tap = g->tap;
	uint8_t *to = (uint8_t *)g->col;
	int32_t on = S8_EIGHT, c = 0;

	if (lacking)
		s8_pad_columns(g);
	for (int32_t k = 0; k < steps; k += S8_EIGHT) {
		const int32_t next = k / taps;
		const uint16x8_t f = vldrhq_u16(from);
		const uint16x8_t t = lacking ? vldrhq_u16(tap) : f;
		for (int32_t i = 0; i < 4; i++) {
			uint8_t *const y = to + i * RT_S8_BLOCK;
			mve_pred16_t in;
			x[i] += (ptrdiff_t)(next - c) * plane;
			if (!lacking) {
				vstrbq_u16(y, veorq_u16(flip,
					vldrbq_gather_offset_u16(x[i], f)));
				continue;
			}
			in = vcmpeqq_n_u16(vandq_u16(t,
				vdupq_n_u16(w[i].lacks)), 0);
			vstrbq_p_u16(y, veorq_x_u16(flip,
				vldrbq_gather_offset_z_u16(x[i], f, in), in),
				in);
		}
		c = next, from += S8_EIGHT, tap += S8_EIGHT;
		to += on, on = 4 * RT_S8_BLOCK - on;
	}
}

RT_APART void s8_edge_columns(const S8Gather *g, const S8Window *w)
{
	s8_four_columns(g, w, 1);
}

RT_APART void s8_inner_columns(const S8Gather *g, const S8Window *w)
{
	s8_four_columns(g, w, 0);
}

/* A column without tables, its blocks so far apart. */
RT_APART void s8_walked_column(const S8Gather *g, const S8Window *w,
	int8_t *col, int32_t apart)
{
	const S8Conv *const s = g->s;
	const int32_t taps = s->kh * s->kw;

	for (int32_t k = 0; k < s->steps; k++) {
		const int32_t u = w->u + k % taps / s->kw * s->dh;
		const int32_t v = w->v + k % s->kw * s->dw;
		uint32_t x = g->x.pad;
		if ((uint32_t)u < (uint32_t)s->h
			&& (uint32_t)v < (uint32_t)s->w)
			x = s->x[((ptrdiff_t)(k / taps) * s->h + u) * s->w + v];
		col[k / RT_S8_BLOCK * apart + k % RT_S8_BLOCK] =
			(int8_t)(x ^ g->x.flip);
	}
}

/* x itself, where the window is all of it. */
static void s8_copied_column(const S8Gather *g, const uint8_t *x)
{
	const uint8x16_t flip = vdupq_n_u8((uint8_t)g->x.flip);
	uint8_t *to = (uint8_t *)g->col;

	for (int32_t k = g->s->steps; k > 0; k -= RT_S8_BLOCK) {
		const mve_pred16_t p = vctp8q((uint32_t)k);
		vstrbq_u8(to, veorq_u8(flip, vldrbq_z_u8(x, p)));
		x += RT_S8_BLOCK, to += RT_S8_BLOCK;
	}
}

static void s8_columns_of(const S8Gather *g, const S8Window w[4])
{
	if (g->tabled)
		(w[0].lacks | w[1].lacks | w[2].lacks | w[3].lacks
			? s8_edge_columns : s8_inner_columns)(g, w);
	else
		for (int32_t i = 0; i < 4; i++)
			s8_walked_column(g, &w[i], g->col + i * RT_S8_BLOCK,
				4 * RT_S8_BLOCK);
}

/* The sum of a column, less the zero point of x. */
static int32_t s8_column_sum(const S8Gather *g, const int8_t *col,
	int32_t apart)
{
	int32_t sum = -g->x.zero * g->s->steps;

	for (int32_t k = g->s->steps; k > 0; k -= RT_S8_BLOCK, col += apart)
		sum = vaddvaq_p_s8(sum, vldrbq_s8(col), vctp8q((uint32_t)k));
	return sum;
}

/* ---- rows of weights ---- */

static int32x4_t s8_column_sums(const S8Gather *g)
{
	const rt_s8_four t = {
		s8_column_sum(g, g->col, 4 * RT_S8_BLOCK),
		s8_column_sum(g, g->col + RT_S8_BLOCK, 4 * RT_S8_BLOCK),
		s8_column_sum(g, g->col + 2 * RT_S8_BLOCK, 4 * RT_S8_BLOCK),
		s8_column_sum(g, g->col + 3 * RT_S8_BLOCK, 4 * RT_S8_BLOCK),
	};

	return rt_s8_lanes(t);
}

/* Are sums scaled, with a bias, and without zero points of weights? That is what
 * there is most of, and done without what others need. */
static int s8_is_plain(const rt_s8_operands *p)
{
	return p->bias && !p->wz && !p->result.is_sum;
}

/* n outputs of each channel of a group, from the o-th on, `at` the first. */
RT_APART void s8_any_outputs(const S8Gather *g, const rt_s8_operands *p,
	int32_t o, ptrdiff_t at, int32_t n)
{
	const ptrdiff_t plane = (ptrdiff_t)g->s->oh * g->s->ow;
	const int32_t steps = g->s->steps, zero = g->x.zero;
	const int8_t *w = p->w + (ptrdiff_t)o * steps;
	const int32x4_t sums = p->wz ? s8_column_sums(g) : vdupq_n_s32(0);
	rt_s8_rows row = rt_s8_rows_at(p, o);

	for (int32_t i = g->s->o; i > 0; i--, w += steps, at += plane) {
		const int32_t bias = rt_s8_begin(&row).a;
		const rt_s8_sums s = rt_s8_by_columns(w, g->col, steps);
		int32x4_t t = vaddq_n_s32(rt_s8_lanes(s.t), bias - zero * s.w.a);
		if (row.wz) {
			t = vsubq_s32(t, vmulq_n_s32(sums, *row.wz));
			row.wz += row.wz_step;
		}
		rt_s8_put_lanes(&row.result, row.y, at, t,
			vctp32q((uint32_t)n));
	}
}

/* The same of four, that are plain. */
RT_APART void s8_plain_outputs(const S8Gather *g, const rt_s8_operands *p,
	int32_t o, ptrdiff_t at)
{
	const ptrdiff_t plane = (ptrdiff_t)g->s->oh * g->s->ow;
	const int32_t steps = g->s->steps, zero = g->x.zero;
	const int32_t each = p->q->w_scales > 1;
	const int8_t *const col = g->col, *w = p->w + (ptrdiff_t)o * steps;
	const int32_t *bias = p->bias + o;
	const float *ws = p->ws + o * each, xs = *p->xs, ys = *p->ys;
	const rt_s8_result result = p->result;
	int8_t *y = (int8_t *)p->y + at;

	for (int32_t i = g->s->o; i > 0; i--, w += steps, y += plane) {
		const float scale = xs * *ws / ys;
		const rt_s8_sums s = rt_s8_by_columns(w, col, steps);
		const int32x4_t t = vaddq_n_s32(rt_s8_lanes(s.t),
			*bias - zero * s.w.a);
		vstrbq_s32(y, rt_s8_nearest(&result,
			vmulq_n_f32(vcvtq_f32_s32(t), scale)));
		bias++, ws += each;
	}
}

/* Four rows of weights with the one column, less x's zero point. */
RT_INLINED int32x4_t s8_four_rows(const S8Gather *g, const int8_t *w)
{
	const int32_t steps = g->s->steps, zero = g->x.zero;
	const int8_t *const half = w + 2 * steps;
	rt_s8_sums s, t;
	rt_s8_four v;

	if (zero == 0)
		return rt_s8_lanes(rt_s8_by_four_rows(w, g->col, steps));
	s = rt_s8_by_rows(w, w + steps, g->col, steps);
	t = rt_s8_by_rows(half, half + steps, g->col, steps);
	v.a = s.t.a - zero * s.w.a, v.b = s.t.b - zero * s.w.b;
	v.c = t.t.a - zero * t.w.a, v.d = t.t.b - zero * t.w.b;
	return rt_s8_lanes(v);
}

/* The one output of each of the first n channels, in fours, that are plain. */
RT_APART void s8_plain_rows(const S8Gather *g, const rt_s8_operands *p,
	int32_t o, ptrdiff_t at, int32_t n)
{
	const int32_t steps = g->s->steps, each = p->q->w_scales > 1;
	const int8_t *w = p->w + (ptrdiff_t)o * steps;
	const float32x4_t xs = vdupq_n_f32(*p->xs), ys = vdupq_n_f32(*p->ys);
	const float *ws = p->ws + o * each;
	float32x4_t scale = xs * vdupq_n_f32(*ws) / ys;
	int8_t *const y = (int8_t *)p->y + at;

	for (int32_t i = 0; i + 4 <= n; i += 4, w += 4 * steps) {
		const int32x4_t t = vaddq_s32(s8_four_rows(g, w),
			vldrwq_s32(p->bias + o + i));
		if (each)
			scale = xs * vldrwq_f32(ws + i) / ys;
		vstrbq_s32(y + i, rt_s8_nearest(&p->result,
			vmulq_f32(vcvtq_f32_s32(t), scale)));
	}
}

/* The same of n channels, whatever they are. */
RT_APART void s8_any_rows(const S8Gather *g, const rt_s8_operands *p,
	int32_t o, ptrdiff_t at, int32_t n)
{
	const int32_t steps = g->s->steps;
	const int32_t sum = p->wz ? s8_column_sum(g, g->col, RT_S8_BLOCK) : 0;
	const int8_t *w = p->w + (ptrdiff_t)o * steps;
	rt_s8_rows row = rt_s8_rows_at(p, o);

	for (int32_t i = 0; i < n; i++, w += steps) {
		const rt_s8_sums s = rt_s8_by_rows(w, w, g->col, steps);
		int32_t t = rt_s8_begin(&row).a + s.t.a - g->x.zero * s.w.a;
		if (row.wz)
			t -= *row.wz * sum, row.wz += row.wz_step;
		rt_s8_put(&row.result, row.y, at + i, t);
	}
}

/* The one output of each channel of a group. */
static void s8_one_output(const S8Gather *g, const rt_s8_operands *p, int32_t o,
	ptrdiff_t at)
{
	const int32_t n = g->s->o, plain = s8_is_plain(p) ? n & ~3 : 0;

	if (plain)
		s8_plain_rows(g, p, o, at, plain);
	s8_any_rows(g, p, o + plain, at + plain, n - plain);
}

/* ---- groups ---- */

/* Is the one window all of x? */
static int32_t s8_is_all(const S8Conv *s)
{
	return s->kh == s->h && s->kw == s->w && s->ph + s->pw == 0
		&& s->oh * s->ow == 1 && s->dh == 1 && s->dw == 1;
}

static void s8_dense(const S8Gather *g, const rt_s8_operands *p, int32_t o,
	ptrdiff_t at)
{
	if (s8_is_all(g->s)) {
		s8_copied_column(g, g->s->x);
	} else {
		const S8Window w = s8_window(g->s, 0, 0);
		s8_walked_column(g, &w, g->col, RT_S8_BLOCK);
	}
	s8_one_output(g, p, o, at);
}

static void s8_spread(const S8Gather *g, const rt_s8_operands *p, int32_t o,
	ptrdiff_t at)
{
	const S8Conv *const s = g->s;
	const int32_t outputs = s->oh * s->ow;
	const int plain = s8_is_plain(p);
	int32_t r = 0, q = 0;

	for (int32_t i = 0; i < outputs; i += 4) {
		const int32_t n = rt_min(4, outputs - i);
		S8Window w[4];
		for (int32_t j = 0; j < 4; j++) {
			w[j] = s8_window(s, r, q);
			if (j < n && ++q == s->ow)
				q = 0, r++;
		}
		s8_columns_of(g, w);
		if (plain && n == 4)
			s8_plain_outputs(g, p, o, at + i);
		else
			s8_any_outputs(g, p, o, at + i, n);
	}
}

/* The first group makes the tables. */
static void s8_group(const S8Conv *s, const rt_s8_operands *p, int32_t o,
	ptrdiff_t at)
{
	const S8Gather g = s8_gather_of(s);

	if (at == 0 && g.tabled && !s8_is_all(s))
		s8_tables(&g);
	(s->oh * s->ow == 1 ? s8_dense : s8_spread)(&g, p, o, at);
}

#endif

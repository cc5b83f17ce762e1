/* SPDX-License-Identifier: 0BSD */
/*
 * The planes of depth_s8.c on Helium (s8_helium.h): four outputs of a row at a
 * time, one in each lane, down the plane.  Lanes whose tap is not there are left
 * out by a predicate.  With kernels of 3x3 at stride 1 a row of x is read once,
 * for the three rows of outputs that it is part of.
 */
#ifndef RT_DEPTH_S8_HELIUM_H
#define RT_DEPTH_S8_HELIUM_H

#include "runtime/s8_helium.h"

/* Outputs q .. q + n - 1 of all rows, and where the columns of x are that their
 * first taps need. */
typedef struct S8Lanes {
	int32_t q;
	mve_pred16_t n;
	uint32x4_t from;
} S8Lanes;

static S8Lanes s8_lanes_at(const S8Plane *s, int32_t q)
{
	const rt_conv *const d = s->d;
	const uint32x4_t from = vmulq_n_u32(vidupq_n_u32(0, 1),
		(uint32_t)d->sw);
	const S8Lanes l = { q, vctp32q((uint32_t)(d->ow - q)),
		vaddq_n_u32(from, (uint32_t)(q * d->sw - d->pw)) };

	return l;
}

RT_INLINED mve_pred16_t s8_inside(const S8Plane *s, uint32x4_t columns)
{
	return vcmphiq_u32(vdupq_n_u32((uint32_t)s->d->w), columns);
}

/* ---- any kernel ---- */

/* t + a tap of a row of x, times its weight. */
RT_INLINED int32x4_t s8_tap(const S8Plane *s, int32x4_t t, const uint8_t *row,
	uint32x4_t columns, int32_t w)
{
	const mve_pred16_t p = s8_inside(s, columns);
	uint32x4_t x = vldrbq_gather_offset_z_u32(row, columns, p);

	x = veorq_u32(x, vdupq_n_u32(s->zero.flip));
	return vmlaq_m_n_s32(t, vsubq_n_s32((int32x4_t)x, s->zero.zero), w, p);
}

static void s8_any_strip(const S8Plane *s, S8Lanes l)
{
	const rt_conv *const d = s->d;
	ptrdiff_t at = s->at + l.q;

	for (int32_t r = 0; r < d->oh; r++, at += d->ow) {
		int32x4_t t = vdupq_n_s32(s->bias);
		const int8_t *w = s->w;
		for (int32_t i = 0; i < d->kh; i++, w += d->kw) {
			const int32_t u = r * d->sh - d->ph + i * d->dh;
			uint32x4_t columns = l.from;
			if ((uint32_t)u >= (uint32_t)d->h)
				continue;
			for (int32_t j = 0; j < d->kw; j++) {
				t = s8_tap(s, t, s->x + u * d->w, columns,
					w[j] - s->wz);
				columns = vaddq_n_u32(columns,
					(uint32_t)d->dw);
			}
		}
		rt_s8_put_lanes(&s->result, s->y, at, t, l.n);
	}
}

/* ---- 3x3 ---- */

/* x is taken as it is, 0 where it is not: what its zero point takes off the lanes
 * of a row of taps is in less, and sums begin with all of that and the bias. */
typedef struct S8Strip {
	S8Lanes l;
	mve_pred16_t in[3];
	int32_t w[9];
	int32x4_t less[3], begin;
	int edge, is_unsigned;
} S8Strip;

/* Of the outputs whose last, second and first row of taps comes next. */
typedef struct S8Sums {
	int32x4_t a, b, c;
} S8Sums;

static int32x4_t s8_less_of(const S8Strip *p, int i, int32_t zero)
{
	int32x4_t t = vdupq_n_s32(0);

	for (int j = 0; j < 3; j++)
		t = vsubq_m_n_s32(t, t, zero * p->w[3 * i + j], p->in[j]);
	return t;
}

static S8Strip s8_strip_of(const S8Plane *s)
{
	S8Strip p;

	memset(&p, 0, sizeof p);
	p.is_unsigned = s->zero.flip == 0;
	p.edge = 1;
	for (int i = 0; i < 9; i++)
		p.w[i] = s->w[i] - s->wz;
	return p;
}

/* Two strips that have all are alike. */
static void s8_begin_strip(const S8Plane *s, S8Strip *p, int32_t q)
{
	const rt_conv *const d = s->d;
	const int32_t from = q * d->sw - d->pw;
	const int edge = from < 0 || from + 3 * d->sw + 3 > d->w
		|| q + 4 > d->ow;
	const int alike = !p->edge && !edge;

	p->l = s8_lanes_at(s, q), p->edge = edge;
	if (alike)
		return;
	p->begin = vdupq_n_s32(s->bias);
	for (int i = 0; i < 3; i++)
		p->in[i] = s8_inside(s, vaddq_n_u32(p->l.from, (uint32_t)i));
	for (int i = 0; i < 3; i++) {
		p->less[i] = s8_less_of(p, i,
			s->zero.zero - (p->is_unsigned ? 0 : 128));
		p->begin = vaddq_s32(p->begin, p->less[i]);
	}
}

/* t + three taps times a row of weights. */
RT_INLINED int32x4_t s8_by_row(int32x4_t t, int32x4_t a, int32x4_t b,
	int32x4_t c, const int32_t *w)
{
	return vmlaq_n_s32(vmlaq_n_s32(vmlaq_n_s32(t, a, w[0]), b, w[1]), c,
		w[2]);
}

/* ---- at stride 1 ---- */

RT_INLINED int32x4_t s8_load(const int8_t *x, int is_unsigned, int edge,
	mve_pred16_t p)
{
	if (!edge)
		return is_unsigned ? (int32x4_t)vldrbq_u32((const uint8_t *)x)
			: vldrbq_s32(x);
	return is_unsigned ? (int32x4_t)vldrbq_z_u32((const uint8_t *)x, p)
		: vldrbq_z_s32(x, p);
}

RT_INLINED S8Sums s8_next(const S8Sums *t, const S8Strip *p)
{
	const S8Sums next = { t->b, t->c, p->begin };

	return next;
}

/* Rows of x from there on, to `end`; where outputs end, they are put. */
RT_INLINED S8Sums s8_rows(const S8Plane *s, const S8Strip *p, S8Sums t,
	const int8_t *x, const int8_t *end, int8_t *y, int edge,
	int is_unsigned)
{
	const int32_t *const w = p->w;
	const rt_s8_result result = s->result;
	const ptrdiff_t width = s->d->w, step = s->d->ow;

	for (; x != end; x += width) {
		const int32x4_t a = s8_load(x, is_unsigned, edge, p->in[0]);
		const int32x4_t b = s8_load(x + 1, is_unsigned, edge, p->in[1]);
		const int32x4_t c = s8_load(x + 2, is_unsigned, edge, p->in[2]);
		t.a = s8_by_row(t.a, a, b, c, w + 6);
		t.b = s8_by_row(t.b, a, b, c, w + 3);
		t.c = s8_by_row(t.c, a, b, c, w);
		if (y) {
			const int32x4_t v = rt_s8_nearest(&result, vmulq_n_f32(
				vcvtq_f32_s32(t.a), result.scale));
			if (edge)
				vstrbq_p_s32(y, v, p->l.n);
			else
				vstrbq_s32(y, v);
			y += step;
		}
		t = s8_next(&t, p);
	}
	return t;
}

RT_APART S8Sums s8_unsigned_rows(const S8Plane *s, const S8Strip *p, S8Sums t,
	const int8_t *x, const int8_t *end, int8_t *y)
{
	return y ? s8_rows(s, p, t, x, end, y, 0, 1)
		: s8_rows(s, p, t, x, end, 0, 0, 1);
}

RT_APART S8Sums s8_signed_rows(const S8Plane *s, const S8Strip *p, S8Sums t,
	const int8_t *x, const int8_t *end, int8_t *y)
{
	return y ? s8_rows(s, p, t, x, end, y, 0, 0)
		: s8_rows(s, p, t, x, end, 0, 0, 0);
}

RT_APART S8Sums s8_edge_rows(const S8Plane *s, const S8Strip *p, S8Sums t,
	const int8_t *x, const int8_t *end, int8_t *y)
{
	if (p->is_unsigned)
		return y ? s8_rows(s, p, t, x, end, y, 1, 1)
			: s8_rows(s, p, t, x, end, 0, 1, 1);
	return y ? s8_rows(s, p, t, x, end, y, 1, 0)
		: s8_rows(s, p, t, x, end, 0, 1, 0);
}

/* Rows i .. end - 1 of taps, of which the first is that of the first output. They
 * are not in x. */
static S8Sums s8_no_rows(const S8Plane *s, const S8Strip *p, S8Sums t,
	int32_t i, int32_t end)
{
	for (; i < end; i++) {
		t.a = vsubq_s32(t.a, p->less[2]);
		t.b = vsubq_s32(t.b, p->less[1]);
		t.c = vsubq_s32(t.c, p->less[0]);
		if (i >= 2)
			rt_s8_put_lanes(&s->result, s->y,
				s->at + (i - 2) * s->d->ow + p->l.q, t.a,
				p->l.n);
		t = s8_next(&t, p);
	}
	return t;
}

static void s8_close_strip(const S8Plane *s, const S8Strip *p)
{
	const rt_conv *const d = s->d;
	const int32_t all = d->oh + 2, top = rt_min(d->ph, all);
	const int32_t bottom = rt_min(d->ph + d->h, all);
	const int32_t put = rt_min(top > 2 ? top : 2, bottom);
	const int8_t *const x = (const int8_t *)s->x - d->ph * d->w + p->l.q
		- d->pw;
	int8_t *const y = (int8_t *)s->y + s->at + p->l.q;
	S8Sums (*const rows)(const S8Plane *, const S8Strip *, S8Sums,
		const int8_t *, const int8_t *, int8_t *) =
		p->edge ? s8_edge_rows
		: p->is_unsigned ? s8_unsigned_rows : s8_signed_rows;
	S8Sums t = { p->begin, p->begin, p->begin };

	t = s8_no_rows(s, p, t, 0, top);
	t = rows(s, p, t, x + top * d->w, x + put * d->w, 0);
	t = rows(s, p, t, x + put * d->w, x + bottom * d->w,
		y + (put - 2) * d->ow);
	(void)s8_no_rows(s, p, t, bottom, all);
}

/* ---- at others ---- */

RT_INLINED int32x4_t s8_load_far(const int8_t *x, uint32x4_t columns,
	int is_unsigned, mve_pred16_t p)
{
	return is_unsigned ? (int32x4_t)vldrbq_gather_offset_z_u32(
			(const uint8_t *)x, columns, p)
		: vldrbq_gather_offset_z_s32(x, columns, p);
}

RT_INLINED void s8_far_strip(const S8Plane *s, const S8Strip *p,
	int is_unsigned)
{
	const rt_conv *const d = s->d;
	const rt_s8_result result = s->result;
	const uint32x4_t columns = p->l.from;
	const int32_t width = d->w, h = d->h;
	const int8_t *x = (const int8_t *)s->x - d->ph * width;
	int8_t *y = (int8_t *)s->y + s->at + p->l.q;
	int32_t u = -d->ph;

	for (int32_t r = d->oh; r > 0; r--, u += d->sh, y += d->ow) {
		const int8_t *row = x;
		int32x4_t t = p->begin;
		for (int i = 0; i < 3; i++, row += width)
			if ((uint32_t)(u + i) < (uint32_t)h)
				t = s8_by_row(t, s8_load_far(row, columns,
						is_unsigned, p->in[0]),
					s8_load_far(row + 1, columns, is_unsigned,
						p->in[1]),
					s8_load_far(row + 2, columns, is_unsigned,
						p->in[2]), &p->w[3 * i]);
			else
				t = vsubq_s32(t, p->less[i]);
		vstrbq_p_s32(y, rt_s8_nearest(&result, vmulq_n_f32(
			vcvtq_f32_s32(t), result.scale)), p->l.n);
		x += d->sh * width;
	}
}

RT_APART void s8_unsigned_far(const S8Plane *s, const S8Strip *p)
{
	s8_far_strip(s, p, 1);
}

RT_APART void s8_signed_far(const S8Plane *s, const S8Strip *p)
{
	s8_far_strip(s, p, 0);
}

/* ---- planes ---- */

RT_APART void s8_any_plane(const S8Plane *s)
{
	for (int32_t q = 0; q < s->d->ow; q += 4)
		s8_any_strip(s, s8_lanes_at(s, q));
}

static void s8_three_plane(const S8Plane *s)
{
	const rt_conv *const d = s->d;
	S8Strip p;

	if (s->result.is_sum) {
		s8_any_plane(s);
		return;
	}
	p = s8_strip_of(s);
	for (int32_t q = 0; q < d->ow; q += 4) {
		s8_begin_strip(s, &p, q);
		if (d->sh == 1 && d->sw == 1)
			s8_close_strip(s, &p);
		else
			(p.is_unsigned ? s8_unsigned_far : s8_signed_far)(s,
				&p);
	}
}

#endif

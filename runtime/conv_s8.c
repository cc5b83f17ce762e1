/* SPDX-License-Identifier: 0BSD */
/*
 * Convolution of 8-bit integers (s8.h): four columns at a time, of outputs that
 * lie side by side, are gathered in the workspace, and each row of weights goes
 * over all of them.
 */
#include "runtime/rt.h"
#include "runtime/s8.h"

/* An image and group; a 1x1 kernel at stride 1 sees it as one row. */
typedef struct S8Conv {
	int32_t c, h, w, o, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw;
	int32_t steps;
	rt_s8_zero zero;
	const uint8_t *x;
	int16_t *col;
} S8Conv;

static void s8_begin(S8Conv *s, const rt_conv *d)
{
	const int flat = rt_conv_kind(d) == RT_CONV_POINTWISE;

	s->c = d->c / d->groups, s->o = d->o / d->groups;
	s->h = flat ? 1 : d->h, s->w = flat ? d->h * d->w : d->w;
	s->oh = flat ? 1 : d->oh, s->ow = flat ? d->oh * d->ow : d->ow;
	s->kh = d->kh, s->kw = d->kw, s->sh = d->sh, s->sw = d->sw;
	s->ph = d->ph, s->pw = d->pw, s->dh = d->dh, s->dw = d->dw;
	s->steps = s->c * s->kh * s->kw;
}

#if RT_HELIUM
#include "runtime/conv_s8_helium.h"
#else
#include "runtime/dense_s8.h"

/* ---- columns ---- */

/* What a step is in the four columns, of which that is the first. */
RT_INLINED void s8_step(const S8Conv *s, int16_t *to, int32_t a, int32_t b,
	int32_t c, int32_t d)
{
	const int32_t step = rt_s8_place(0, 1, s->steps);

	to[0] = (int16_t)a, to[step] = (int16_t)b;
	to[2 * step] = (int16_t)c, to[3 * step] = (int16_t)d;
}

RT_INLINED int16_t s8_pick(const S8Conv *s, const uint8_t *row, int32_t at)
{
	return (uint32_t)at < (uint32_t)s->w ? rt_s8_less(s->zero, row[at]) : 0;
}

/* A row of taps, from column `at` of a row of x on, that begins at step k. */
RT_APART void s8_any_row(const S8Conv *s, const uint8_t *row, int32_t at,
	int32_t k)
{
	const int32_t sw = s->sw;
	const int all = at >= 0 && at + 3 * sw + (s->kw - 1) * s->dw < s->w;

	for (const int32_t end = k + s->kw; k < end; k++, at += s->dw) {
		int16_t *const to = s->col + rt_s8_place(k, 0, s->steps);
		const uint8_t *const p = row + at;
		if (all)
			s8_step(s, to, rt_s8_less(s->zero, p[0]),
				rt_s8_less(s->zero, p[sw]),
				rt_s8_less(s->zero, p[2 * sw]),
				rt_s8_less(s->zero, p[3 * sw]));
		else
			s8_step(s, to, s8_pick(s, row, at),
				s8_pick(s, row, at + sw),
				s8_pick(s, row, at + 2 * sw),
				s8_pick(s, row, at + 3 * sw));
	}
}

/* The same of three taps side by side, at stride 1. */
RT_APART void s8_three_row(const S8Conv *s, const uint8_t *row, int32_t at,
	int32_t k)
{
#if RT_S8_PAIRS
	int16_t *const to = s->col + (k >> 2) * 16;
	const uint32_t pad = (uint32_t)s->zero.zero ^ s->zero.flip;

	row += at;
	if (at >= 0 && at + 6 <= s->w)
		rt_s8_three(s->zero, rt_s8_word(row), rt_s8_half(row + 4), to,
			k & 3);
	else if (at == -1 && s->w > 4)
		rt_s8_three(s->zero, rt_s8_word(row + 1) << 8 | pad,
			rt_s8_half(row + 4), to, k & 3);
	else if (at >= 0 && at + 5 == s->w)
		rt_s8_three(s->zero, rt_s8_word(row), row[4] | pad << 8, to,
			k & 3);
	else
		s8_any_row(s, row - at, at, k);
#else
	int16_t *to = s->col + rt_s8_place(k, 0, s->steps);
	const int32_t next = rt_s8_place(1, 0, s->steps);
	int32_t v[6];

	if (at < -1 || at + 5 > s->w) {
		s8_any_row(s, row, at, k);
		return;
	}
	v[0] = s8_pick(s, row, at), v[5] = s8_pick(s, row, at + 5);
	for (int32_t i = 1; i < 5; i++)
		v[i] = rt_s8_less(s->zero, row[at + i]);
	for (int32_t i = 0; i < 3; i++, to += next)
		s8_step(s, to, v[i], v[i + 1], v[i + 2], v[i + 3]);
#endif
}

/* The columns of outputs q .. q + 3 of row r. */
RT_APART void s8_gather(const S8Conv *conv, int32_t r, int32_t q)
{
	const S8Conv s = *conv;
	const int three = s.kw == 3 && s.sw == 1 && s.dw == 1;
	const uint8_t *plane = s.x;
	const int32_t top = r * s.sh - s.ph, at = q * s.sw - s.pw;
	int32_t k = 0;

	if (s.h * s.kh * s.kw * s.sw == 1 && top == 0 && at >= 0
		&& at + 4 <= s.w) {
		k = rt_s8_flat(s.zero, plane + at, s.w, s.steps, s.col);
		plane += k * s.w;
	}
	for (int32_t c = k; c < s.c; c++, plane += s.h * s.w)
		for (int32_t i = 0; i < s.kh; i++, k += s.kw) {
			const int32_t u = top + i * s.dh;
			if ((uint32_t)u >= (uint32_t)s.h)
				s8_any_row(&s, plane, s.w, k);
			else if (three)
				s8_three_row(&s, plane + u * s.w, at, k);
			else
				s8_any_row(&s, plane + u * s.w, at, k);
		}
	for (; k % RT_S8_WHOLE != 0; k++)
		s8_step(&s, s.col + rt_s8_place(k, 0, s.steps), 0, 0, 0, 0);
}

/* ---- rows of weights ---- */

/* What a zero point of the weights takes off, times it: the sums of columns. */
static rt_s8_four s8_column_sums(const S8Conv *s)
{
	rt_s8_four t = { 0, 0, 0, 0 };

	for (int32_t k = 0; k < s->steps; k++) {
		t.a += s->col[rt_s8_place(k, 0, s->steps)];
		t.b += s->col[rt_s8_place(k, 1, s->steps)];
		t.c += s->col[rt_s8_place(k, 2, s->steps)];
		t.d += s->col[rt_s8_place(k, 3, s->steps)];
	}
	return t;
}

#if RT_S8_ROWS > 1

/* n outputs of the next row of weights, from its products with the columns. */
RT_INLINED void s8_put_row(rt_s8_rows *row, rt_s8_four dot, rt_s8_four sums,
	ptrdiff_t at, int32_t n)
{
	rt_s8_four t = rt_s8_begin(row);

	if (row->wz)
		t = rt_s8_centred(t, row, sums);
	t.a += dot.a, t.b += dot.b, t.c += dot.c, t.d += dot.d;
	rt_s8_put_four(&row->result, row->y, at, t, n);
}

#endif

/* n outputs of each channel of a group, from the o-th on, `at` the first. */
RT_APART void s8_outputs(const S8Conv *s, const rt_s8_operands *p, int32_t o,
	ptrdiff_t at, int32_t n)
{
	const ptrdiff_t plane = (ptrdiff_t)s->oh * s->ow;
	const int32_t steps = s->steps;
	const int16_t *const col = s->col;
	const int8_t *w = p->w + (ptrdiff_t)o * steps;
	const rt_s8_four none = { 0, 0, 0, 0 };
	const rt_s8_four sums = p->wz ? s8_column_sums(s) : none;
	const int8_t *const end = w + s->o * steps;
	rt_s8_rows row = rt_s8_rows_at(p, o);

#if RT_S8_ROWS > 1
	for (int32_t i = s->o / 2; i > 0; i--, w += 2 * steps, at += 2 * plane) {
		const rt_s8_two t = rt_s8_dot_two(w, col, steps);
		s8_put_row(&row, t.a, sums, at, n);
		s8_put_row(&row, t.b, sums, at + plane, n);
	}
#endif
	for (; w != end; w += steps) {
		rt_s8_four t = rt_s8_begin(&row);
		if (row.wz)
			t = rt_s8_centred(t, &row, sums);
		t = rt_s8_dot(t, w, col, steps);
		rt_s8_put_four(&row.result, row.y, at, t, n);
		at += plane;
	}
}

static void s8_group(const S8Conv *s, const rt_s8_operands *p, int32_t o,
	ptrdiff_t at)
{
	if (s->oh * s->ow == 1) {
		s8_dense(s, p, o, at);
		return;
	}
	for (int32_t r = 0; r < s->oh; r++, at += s->ow)
		for (int32_t q = 0; q < s->ow; q += 4) {
			s8_gather(s, r, q);
			s8_outputs(s, p, o, at + q, rt_min(4, s->ow - q));
		}
}

#endif

RT_API void rt_conv_s8(const rt_conv *d, const rt_s8 *q, const void *x,
	const void *xz, const float *xs, const int8_t *w, const int8_t *wz,
	const float *ws, const int32_t *bias, const float *ys, const void *yz,
	void *y, void *columns)
{
	const rt_s8_operands p = rt_s8_operands_of(q, xs, w, wz, ws, bias, ys,
		yz, y);
	S8Conv s;

	s8_begin(&s, d);
	s.zero = rt_s8_zero_of(q->x_unsigned, xz);
	s.x = x, s.col = columns;
	for (int32_t i = 0; i < d->n * d->groups; i++) {
		const int32_t o = i % d->groups * s.o;
		s8_group(&s, &p, o, (ptrdiff_t)i * s.o * s.oh * s.ow);
		s.x += (ptrdiff_t)s.c * s.h * s.w;
	}
}

/* SPDX-License-Identifier: 0BSD */
/*
 * Convolutions of conv_s8.c with one output a channel, such as a dense layer: four
 * rows of weights go over its one column.
 */
#ifndef RT_DENSE_S8_H
#define RT_DENSE_S8_H

#include "runtime/s8.h"

/* Is the one window all of x? */
static int32_t s8_is_all(const S8Conv *s)
{
	return s->kh == s->h && s->kw == s->w && s->ph + s->pw == 0
		&& s->dh == 1 && s->dw == 1;
}

/* x at step k of the window, less its zero point. */
static int16_t s8_tap_at(const S8Conv *s, int32_t k)
{
	const int32_t taps = s->kh * s->kw, plane = s->h * s->w;
	const int32_t u = k % taps / s->kw * s->dh - s->ph;
	const int32_t v = k % s->kw * s->dw - s->pw;

	if ((uint32_t)u >= (uint32_t)s->h || (uint32_t)v >= (uint32_t)s->w)
		return 0;
	return rt_s8_less(s->zero, s->x[k / taps * plane + u * s->w + v]);
}

/* The column; how much its elements are. */
static int32_t s8_only_column(const S8Conv *s)
{
	const int32_t all = s8_is_all(s);
	int32_t k = all ? rt_s8_line(s->zero, s->x, s->steps, s->col) : 0;
	int32_t sum = 0;

	for (; k < s->steps; k++)
		s->col[rt_s8_in_line(k)] = all ? rt_s8_less(s->zero, s->x[k])
			: s8_tap_at(s, k);
	for (; k % RT_S8_WHOLE != 0; k++)
		s->col[rt_s8_in_line(k)] = 0;
	for (int32_t i = 0; i < k; i++)
		sum += s->col[i];
	return sum;
}

/* A channel's output, from the next row's sum. */
RT_INLINED void s8_put_next(rt_s8_rows *row, ptrdiff_t at, int32_t t,
	int32_t sum)
{
	t += rt_s8_begin(row).a;
	if (row->wz)
		t -= *row->wz * sum, row->wz += row->wz_step;
	rt_s8_put(&row->result, row->y, at, t);
}

RT_APART void s8_dense(const S8Conv *s, const rt_s8_operands *p, int32_t o,
	ptrdiff_t at)
{
	const int32_t sum = s8_only_column(s), steps = s->steps;
	const int8_t *w = p->w + (ptrdiff_t)o * steps;
	rt_s8_rows row = rt_s8_rows_at(p, o);
	int32_t i = s->o;

	for (; i >= 4; i -= 4, w += 4 * steps, at += 4) {
		const rt_s8_four t = rt_s8_four_rows(w, s->col, steps);
		s8_put_next(&row, at, t.a, sum);
		s8_put_next(&row, at + 1, t.b, sum);
		s8_put_next(&row, at + 2, t.c, sum);
		s8_put_next(&row, at + 3, t.d, sum);
	}
	for (; i > 0; i--, w += steps, at++)
		s8_put_next(&row, at, rt_s8_row(w, s->col, steps), sum);
}

#endif

/* SPDX-License-Identifier: 0BSD */
/*
 * Products of matrices of 8-bit integers (s8.h): each row of a, less its zero
 * point, in the workspace, goes over all columns of b, several side by side, and
 * b stays as it is.  The last columns end with the row, so that nothing behind b
 * is read; some may come twice.
 */
#include "runtime/rt.h"
#include "runtime/s8.h"

typedef struct S8Product {
	int32_t n, k;
	const int16_t *a;	/* a row, and a zero behind it */
	int32_t sum;		/* of the row */
	const int8_t *b, *bz;
	const rt_s8_operands *p;
	ptrdiff_t at;		/* of the row in y */
} S8Product;

#if RT_HELIUM
#include "runtime/gemm_s8_helium.h"
#else

/* Columns j .. j + n - 1, from their sums over k. */
RT_INLINED void s8_put_columns(const S8Product *s, int32_t j, int32_t n,
	const int32_t *t)
{
	const rt_s8_operands *const p = s->p;
	rt_s8_rows column = rt_s8_rows_at(p, j);

	for (int32_t i = 0; i < n; i++) {
		int32_t sum = t[i];
		if (column.wz)
			sum -= *column.wz * s->sum, column.wz += column.wz_step;
		rt_s8_begin(&column);
		rt_s8_put(&column.result, column.y, s->at + j + i, sum);
	}
}

RT_APART void s8_any_columns(const S8Product *s, int32_t j, int32_t n)
{
	for (const int32_t end = j + n; j < end; j++) {
		const int8_t *b = s->b + j;
		int32_t t = 0;
		for (int32_t i = 0; i < s->k; i++, b += s->n)
			t += s->a[i] * *b;
		s8_put_columns(s, j, 1, &t);
	}
}

#if RT_VL
#define S8_COLUMNS 16
#else
#define S8_COLUMNS 4
#endif

#if RT_S8_PAIRS

/* Two rows of b, of four columns. */
RT_INLINED rt_s8_four s8_two_rows(rt_s8_four t, int32_t a, const int8_t *b,
	const int8_t *next)
{
	const uint32_t u = rt_s8_word(b), v = rt_s8_word(next);
	const uint32_t lo = rt_s8_low(u, v), hi = rt_s8_high(u, v);

	t.a = __smlad(a, (int32_t)rt_s8_even(lo), t.a);
	t.b = __smlad(a, (int32_t)rt_s8_odd(lo), t.b);
	t.c = __smlad(a, (int32_t)rt_s8_even(hi), t.c);
	t.d = __smlad(a, (int32_t)rt_s8_odd(hi), t.d);
	return t;
}

RT_APART void s8_columns(const S8Product *s, int32_t j)
{
	const int8_t *b = s->b + j;
	const int16_t *a = s->a;
	const ptrdiff_t n = s->n;
	rt_s8_four t = { 0, 0, 0, 0 };
	int32_t sums[4];

	for (int32_t i = s->k / 4; i > 0; i--) {
		const rt_s8_both two = rt_s8_next(&a);
		t = s8_two_rows(t, two.lo, b, b + n);
		b += 2 * n;
		t = s8_two_rows(t, two.hi, b, b + n);
		b += 2 * n;
	}
	if (s->k & 2) {
		t = s8_two_rows(t, (int32_t)rt_s8_word(a), b, b + n);
		a += 2, b += 2 * n;
	}
	if (s->k & 1)
		t = s8_two_rows(t, *a & 0xffff, b, b);
	sums[0] = t.a, sums[1] = t.b, sums[2] = t.c, sums[3] = t.d;
	s8_put_columns(s, j, 4, sums);
}

#elif RT_VL

RT_APART void s8_columns(const S8Product *s, int32_t j)
{
	const int8_t *b = s->b + j;
	int32_t t[S8_COLUMNS] = { 0 };

	for (int32_t i = 0; i < s->k; i++, b += s->n)
		for (int32_t c = 0; c < S8_COLUMNS; c++)
			t[c] += s->a[i] * b[c];
	s8_put_columns(s, j, S8_COLUMNS, t);
}

#else

RT_APART void s8_columns(const S8Product *s, int32_t j)
{
	const int8_t *b = s->b + j;
	const ptrdiff_t n = s->n;
	int32_t t[4], u = 0, v = 0, w = 0, x = 0;

	for (const int16_t *a = s->a, *end = a + s->k; a < end; a++, b += n) {
		u += *a * b[0], v += *a * b[1];
		w += *a * b[2], x += *a * b[3];
	}
	t[0] = u, t[1] = v, t[2] = w, t[3] = x;
	s8_put_columns(s, j, 4, t);
}

#endif

static void s8_row(const S8Product *s)
{
	int32_t j = 0;

	if (s->n < S8_COLUMNS) {
		s8_any_columns(s, 0, s->n);
		return;
	}
	for (; j + S8_COLUMNS <= s->n; j += S8_COLUMNS)
		s8_columns(s, j);
	if (j < s->n)
		s8_columns(s, s->n - S8_COLUMNS);
}

#endif

RT_API void rt_gemm_s8(const rt_s8 *q, int32_t m, int32_t n, int32_t k,
	const void *a, const void *az, const float *as, const int8_t *b,
	const int8_t *bz, const float *bs, const float *ys, const void *yz,
	void *y, void *row)
{
	const rt_s8_operands p = rt_s8_operands_of(q, as, b, bz, bs, 0, ys, yz,
		y);
	const rt_s8_zero zero = rt_s8_zero_of(q->x_unsigned, az);
	const uint8_t *from = a;
	int16_t *const to = row;
	S8Product s = { n, k, to, 0, b, bz, &p, 0 };

	to[k] = 0;
	for (int32_t i = 0; i < m; i++, from += k, s.at += n) {
		s.sum = 0;
		for (int32_t j = 0; j < k; j++) {
			to[j] = rt_s8_less(zero, from[j]);
			s.sum += to[j];
		}
		s8_row(&s);
	}
}

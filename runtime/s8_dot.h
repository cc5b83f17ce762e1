/* SPDX-License-Identifier: 0BSD */
/*
 * Sums of products of 8-bit integers, four columns at a time: s8.h says how
 * columns lie.
 */
#ifndef RT_S8_DOT_H
#define RT_S8_DOT_H

#include "runtime/rt.h"

#ifndef RT_S8_PAIRS
#if defined(__GNUC__) && defined(__ARM_FEATURE_SIMD32) \
	&& !defined(__ARM_NEON) && !defined(__ARM_BIG_ENDIAN)
#define RT_S8_PAIRS 1
#else
#define RT_S8_PAIRS 0
#endif
#endif
#if RT_S8_PAIRS
#include <arm_acle.h>
#endif
#define RT_S8_WHOLE (RT_S8_PAIRS ? 4 : 1)	/* steps of columns are a
						 * multiple of */

typedef struct rt_s8_four {
	int32_t a, b, c, d;
} rt_s8_four;

/* Where step k of column p is, in columns of so many steps. */
RT_INLINED int32_t rt_s8_place(int32_t k, int32_t p, int32_t steps)
{
#if RT_S8_PAIRS
	(void)steps;
	return (k & ~3) * 4 + p * 4 + (k << 1 & 2) + (k >> 1 & 1);
#elif RT_VL
	return p * steps + k;
#else
	(void)steps;
	return k * 4 + p;
#endif
}

#if RT_S8_PAIRS

/* A word anywhere; always an instruction, with -ffreestanding too. */
RT_INLINED uint32_t rt_s8_word(const void *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof v);
	return v;
}

RT_INLINED uint32_t rt_s8_half(const void *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof v);
	return v;
}

/* The low halves of two words, and the high halves, the first one's below. */
RT_INLINED uint32_t rt_s8_low(uint32_t u, uint32_t v)
{
	__asm__("pkhbt %0, %0, %1, lsl #16" : "+r"(u) : "r"(v));
	return u;
}

RT_INLINED uint32_t rt_s8_high(uint32_t u, uint32_t v)
{
	uint32_t w;

	__asm__("pkhtb %0, %1, %2, asr #16" : "=r"(w) : "r"(v), "r"(u));
	return w;
}

/* Bytes 0 and 2, and 1 and 3, as numbers of 16 bits. */
RT_INLINED uint32_t rt_s8_even(uint32_t w)
{
	return (uint32_t)__sxtb16((int32_t)w);
}

RT_INLINED uint32_t rt_s8_odd(uint32_t w)
{
	uint32_t v;

	__asm__("sxtb16 %0, %1, ror #8" : "=r"(v) : "r"(w));
	return v;
}

/* The same of bytes without a sign. */
RT_INLINED uint32_t rt_s8_even_byte(uint32_t w)
{
	uint32_t v;

	__asm__("uxtb16 %0, %1" : "=r"(v) : "r"(w));
	return v;
}

RT_INLINED uint32_t rt_s8_odd_byte(uint32_t w)
{
	uint32_t v;

	__asm__("uxtb16 %0, %1, ror #8" : "=r"(v) : "r"(w));
	return v;
}

/* u - v, of both halves. */
RT_INLINED uint32_t rt_s8_minus(uint32_t u, uint32_t v)
{
	return (uint32_t)__ssub16((int32_t)u, (int32_t)v);
}

/* Says that sums are made before what follows: else compilers do several rows
 * of taps at once, with too few registers. */
RT_INLINED void rt_s8_keep(rt_s8_four *t)
{
	__asm__ volatile("" : "+r"(t->a), "+r"(t->b), "+r"(t->c), "+r"(t->d)
		: : "memory");
}

RT_INLINED void rt_s8_put_word(int16_t *p, uint32_t v)
{
	__builtin_memcpy(p, &v, sizeof v);
}

typedef struct rt_s8_both {
	int32_t lo, hi;
} rt_s8_both;

/* Two aligned words are one instruction, which compilers do not find. */
RT_INLINED rt_s8_both rt_s8_next(const int16_t **x)
{
	rt_s8_both v;

	__asm__ volatile("ldrd %0, %1, [%2], #8"
		: "=r"(v.lo), "=r"(v.hi), "+r"(*x) : : "memory");
	return v;
}

/* t + four steps of a column. */
RT_INLINED int32_t rt_s8_column(int32_t t, uint32_t even, uint32_t odd,
	const int16_t **x)
{
	const rt_s8_both v = rt_s8_next(x);

	t = __smlad((int32_t)even, v.lo, t);
	return __smlad((int32_t)odd, v.hi, t);
}

/* t + four steps; w is the bytes of the weights. */
RT_INLINED rt_s8_four rt_s8_step(rt_s8_four t, uint32_t w, const int16_t **x)
{
	const uint32_t even = rt_s8_even(w), odd = rt_s8_odd(w);

	t.a = rt_s8_column(t.a, even, odd, x);
	t.b = rt_s8_column(t.b, even, odd, x);
	t.c = rt_s8_column(t.c, even, odd, x);
	t.d = rt_s8_column(t.d, even, odd, x);
	return t;
}

/* The last one to three bytes of a row of weights, as a word. */
RT_INLINED uint32_t rt_s8_last(const int8_t *w, int32_t n)
{
	uint32_t v = (uint8_t)w[0];

	if (n > 1)
		v |= (uint32_t)(uint8_t)w[1] << 8;
	if (n > 2)
		v |= (uint32_t)(uint8_t)w[2] << 16;
	return v;
}

#endif

#if RT_S8_PAIRS

/* Columns end with zeros up to a multiple of four steps, weights do not. */
RT_INLINED rt_s8_four rt_s8_dot(rt_s8_four t, const int8_t *w, const int16_t *x,
	int32_t steps)
{
	const int8_t *const end = w + (steps & ~3);

	for (; w != end; w += 4)
		t = rt_s8_step(t, rt_s8_word(w), &x);
	if (steps & 3)
		t = rt_s8_step(t, rt_s8_last(w, steps & 3), &x);
	return t;
}

#elif RT_VL

RT_INLINED rt_s8_four rt_s8_dot(rt_s8_four t, const int8_t *w, const int16_t *x,
	int32_t steps)
{
	const int16_t *const x1 = x + steps, *const x2 = x1 + steps;
	const int16_t *const x3 = x2 + steps;

	for (int32_t k = 0; k < steps; k++) {
		t.a += w[k] * x[k], t.b += w[k] * x1[k];
		t.c += w[k] * x2[k], t.d += w[k] * x3[k];
	}
	return t;
}

#else

RT_INLINED rt_s8_four rt_s8_dot(rt_s8_four t, const int8_t *w, const int16_t *x,
	int32_t steps)
{
	for (const int8_t *const end = w + steps; w != end; w++, x += 4) {
		t.a += *w * x[0], t.b += *w * x[1];
		t.c += *w * x[2], t.d += *w * x[3];
	}
	return t;
}

#endif

/* Rows of weights that go over the columns together: where there are registers
 * for the sums of two, and no instruction for more than a product. */
#if defined(__riscv) && !defined(__riscv_32e) && !RT_VL
#define RT_S8_ROWS 2

typedef struct rt_s8_two {
	rt_s8_four a, b;
} rt_s8_two;

/* t + w times the four columns, of both rows. */
RT_INLINED void rt_s8_add_two(rt_s8_two *t, int32_t u, int32_t v,
	const int16_t *x)
{
	const int32_t a = x[0], b = x[1], c = x[2], d = x[3];

	t->a.a += u * a, t->a.b += u * b, t->a.c += u * c, t->a.d += u * d;
	t->b.a += v * a, t->b.b += v * b, t->b.c += v * c, t->b.d += v * d;
}

RT_INLINED rt_s8_two rt_s8_dot_two(const int8_t *w, const int16_t *x,
	int32_t steps)
{
	const rt_s8_four none = { 0, 0, 0, 0 };
	const int8_t *v = w + steps;
	rt_s8_two t = { none, none };

	for (const int8_t *const end = w + (steps & ~1); w != end; x += 8) {
		rt_s8_add_two(&t, w[0], v[0], x);
		rt_s8_add_two(&t, w[1], v[1], x + 4);
		w += 2, v += 2;
	}
	if (steps & 1)
		rt_s8_add_two(&t, *w, *v, x);
	return t;
}
#else
#define RT_S8_ROWS 1
#endif

/* ---- one column ---- */

/* Where step k of the only column is. */
RT_INLINED int32_t rt_s8_in_line(int32_t k)
{
#if RT_S8_PAIRS
	return (k & ~3) + (k << 1 & 2) + (k >> 1 & 1);
#else
	return k;
#endif
}

#if RT_S8_PAIRS

/* t + two words of the column times a word of weights. */
RT_INLINED int32_t rt_s8_word_of_row(int32_t t, uint32_t w, rt_s8_both x)
{
	t = __smlad((int32_t)rt_s8_even(w), x.lo, t);
	return __smlad((int32_t)rt_s8_odd(w), x.hi, t);
}

/* Sums of a row of weights, and of four side by side. */
RT_INLINED int32_t rt_s8_row(const int8_t *w, const int16_t *x, int32_t steps)
{
	const int8_t *const end = w + (steps & ~3);
	int32_t t = 0;

	for (; w != end; w += 4)
		t = rt_s8_word_of_row(t, rt_s8_word(w), rt_s8_next(&x));
	if (steps & 3)
		t = rt_s8_word_of_row(t, rt_s8_last(w, steps & 3),
			rt_s8_next(&x));
	return t;
}

RT_INLINED rt_s8_four rt_s8_four_rows(const int8_t *w, const int16_t *x,
	int32_t steps)
{
	const int8_t *w1 = w + steps, *w2 = w1 + steps, *w3 = w2 + steps;
	const int8_t *const end = w + (steps & ~3);
	rt_s8_four t = { 0, 0, 0, 0 };

	for (; w != end; w += 4, w1 += 4, w2 += 4, w3 += 4) {
		const rt_s8_both v = rt_s8_next(&x);
		t.a = rt_s8_word_of_row(t.a, rt_s8_word(w), v);
		t.b = rt_s8_word_of_row(t.b, rt_s8_word(w1), v);
		t.c = rt_s8_word_of_row(t.c, rt_s8_word(w2), v);
		t.d = rt_s8_word_of_row(t.d, rt_s8_word(w3), v);
	}
	if (steps & 3) {
		const rt_s8_both v = rt_s8_next(&x);
		const int32_t n = steps & 3;
		t.a = rt_s8_word_of_row(t.a, rt_s8_last(w, n), v);
		t.b = rt_s8_word_of_row(t.b, rt_s8_last(w1, n), v);
		t.c = rt_s8_word_of_row(t.c, rt_s8_last(w2, n), v);
		t.d = rt_s8_word_of_row(t.d, rt_s8_last(w3, n), v);
	}
	return t;
}

#else

/* Sums of a row of weights, and of four side by side. */
RT_INLINED int32_t rt_s8_row(const int8_t *w, const int16_t *x, int32_t steps)
{
	int32_t t = 0;

	for (int32_t k = 0; k < steps; k++)
		t += w[k] * x[k];
	return t;
}

RT_INLINED rt_s8_four rt_s8_four_rows(const int8_t *w, const int16_t *x,
	int32_t steps)
{
	const int8_t *const w1 = w + steps, *const w2 = w1 + steps;
	const int8_t *const w3 = w2 + steps;
	rt_s8_four t = { 0, 0, 0, 0 };

	for (int32_t k = 0; k < steps; k++) {
		t.a += w[k] * x[k], t.b += w1[k] * x[k];
		t.c += w2[k] * x[k], t.d += w3[k] * x[k];
	}
	return t;
}

#endif

#endif

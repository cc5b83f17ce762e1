/* SPDX-License-Identifier: 0BSD */
/*
 * The elementary functions of float, with the same bits on every machine: they
 * are made of IEEE's + - * / and sqrt on float, of integers, and of nothing
 * that a library may do its own way. No double, no errno, no state. Every error
 * is below 1 ulp (tests/bench/bench_math.c measures it), special values are those
 * of C's Annex F, and which NaN comes out is not said.
 *
 * "The same bits" needs a compiler that rounds every product:
 * -ffp-contract=off. Fused, the errors stay below 1 ulp all the same.
 *
 * Coefficients are from tests/tools/make_math.py.
 */
#ifndef RT_MATH_H
#define RT_MATH_H

#include <stdint.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#ifndef RT_API
#define RT_API
#define RT_PROTOTYPES
#endif

/* A program's own loops take these in; a library's are external. */
#ifndef RT_INLINE
#if defined(RT_PROTOTYPES)
#define RT_INLINE
#else
#define RT_INLINE inline
#endif
#endif

#ifdef RT_PROTOTYPES
/* math_exp.c, math_log.c, math_pow.c */
RT_API float rt_expf(float x);
RT_API float rt_expm1f(float x);
RT_API float rt_logf(float x);
RT_API float rt_log1pf(float x);

RT_API float rt_powf(float x, float y);

/* math_tanh.c, math_erf.c, math_sinh.c, math_area.c */
RT_API float rt_tanhf(float x);
RT_API float rt_erff(float x);
RT_API float rt_sinhf(float x);
RT_API float rt_coshf(float x);
RT_API float rt_asinhf(float x);
RT_API float rt_acoshf(float x);
RT_API float rt_atanhf(float x);

/* math_trig.c, math_arc.c */
RT_API float rt_sinf(float x);
RT_API float rt_cosf(float x);
RT_API float rt_tanf(float x);
RT_API float rt_asinf(float x);
RT_API float rt_acosf(float x);
RT_API float rt_atanf(float x);
#endif

#define RT_INF rt_float(0x7f800000u)
#define RT_NAN rt_float(0x7fc00000u)

/* h + l, where l is what h is rounded by. */
typedef struct rt_sum {
	float h, l;
} rt_sum;

/* Not by memcpy(), which a freestanding compiler would call. */
typedef union rt_word {
	float x;
	uint32_t u;
} rt_word;

static inline uint32_t rt_bits(float x)
{
	const rt_word w = {.x = x};

	return w.u;
}

static inline float rt_float(uint32_t u)
{
	const rt_word w = {.u = u};

	return w.x;
}

static inline float rt_abs(float x)
{
	return rt_float(rt_bits(x) & 0x7fffffffu);
}

/* x, which is not negative, with the sign of s. */
static inline float rt_sign(float x, float s)
{
	return rt_float(rt_bits(x) | (rt_bits(s) & 0x80000000u));
}

/*
 * c ? a : b. With vector registers both are computed and a mask chooses, as
 * gcc's loops of conditional arithmetic remain scalar; else a branch is better.
 */
static inline float rt_pick(int c, float a, float b)
{
#if defined(__SSE2__) || defined(__ARM_NEON)
	const uint32_t mask = 0u - (uint32_t)c;

	return rt_float(rt_bits(b) ^ ((rt_bits(a) ^ rt_bits(b)) & mask));
#else
	return c ? a : b;
#endif
}

static inline float rt_clamp(float x, float low, float high)
{
	x = rt_pick(x < low, low, x);
	return rt_pick(x > high, high, x);
}

/* The upper 12 bits of x: products of two such are exact. */
static inline float rt_upper(float x)
{
	return rt_float(rt_bits(x) & 0xfffff000u);
}

/* a + b exactly, where |a| >= |b| or a is 0 (Dekker 1971). */
static inline rt_sum rt_sum_of(float a, float b)
{
	const float h = a + b;
	const rt_sum s = {h, (a - h) + b};

	return s;
}

/* a b exactly, but for the product of the two rests (Veltkamp, Dekker 1971). */
static inline rt_sum rt_product(rt_sum a, rt_sum b)
{
	const float p = a.h * b.h, x = rt_upper(a.h), y = rt_upper(b.h);
	const float u = a.h - x, v = b.h - y;
	const float rest = ((x * y - p) + x * v + u * y) + u * v;
	const rt_sum s = {p, rest + (a.h * b.l + a.l * b.h)};

	return s;
}

static inline rt_sum rt_square(float x)
{
	const rt_sum s = {x, 0.0f};

	return rt_product(s, s);
}

/* 1 / (d.h + d.l), to about 2^-34. One step of Newton's from a reciprocal
 * of 12 bits, whose product with either half of d.h is exact. */
static inline rt_sum rt_reciprocal(rt_sum d)
{
	const float y = rt_upper(1.0f / d.h), up = rt_upper(d.h);
	const float e = ((1.0f - up * y) - (d.h - up) * y) - d.l * y;
	const rt_sum s = {y, y * (e + e * e)};

	return s;
}

#endif

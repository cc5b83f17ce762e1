/* SPDX-License-Identifier: 0BSD */
/*
 * The exponential, in the parts that its relatives go on with.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2, where ln 2 is a sum of two floats, the
 * first of 16 bits, so that n times it is exact (Cody and Waite 1980); then
 * e^r = 1 + r + r^2/2 + r^3 P(r). n is found by adding 1.5 2^23, after which
 * the sum's last bits are n.
 */
#ifndef RT_MATH_EXP_H
#define RT_MATH_EXP_H

#include "runtime/math.h"

/* 2^(n - 256) (1 + r + q) */
typedef struct rt_power {
	float r, q;
	uint32_t n;
} rt_power;

/* e^(x + l) for -150 ln 2 <= x <= 129 ln 2 and |l| < 2^-24. */
static inline rt_power rt_exp_parts(float x, float l)
{
	const float shifted = x * 1.442695041f + 12582912.0f;
	const float n = shifted - 12582912.0f;
	const float h = x - n * 6.931457520e-01f;
	const float low = n * 1.428606765e-06f;
	const float r = h - low;
	const float c = ((h - r) - low) + l, square = r * r;
	float p = 1.504618558e-04f;
	rt_power e;

	p = 1.393054146e-03f + r * p;
	p = 8.341509849e-03f + r * p;
	p = 4.166651145e-02f + r * p;
	p = 1.666663587e-01f + r * p;
	e.r = r;
	e.q = 0.5f * square + (square * (r * p) + (c + c * r));
	e.n = rt_bits(shifted) - 0x4b400000u + 256u;
	return e;
}

/* 2^(n - 256) for 130 <= n <= 383 */
static inline float rt_power_of_2(uint32_t n)
{
	return rt_float((n - 129u) << 23);
}

/* 2^(n - 256) y: in two steps, as the power alone may be out of range. */
static inline float rt_scale(float y, uint32_t n)
{
	const uint32_t half = n >> 1;

	return y * rt_float((half - 1u) << 23) *
	       rt_float((n - half - 1u) << 23);
}

/* The same as a sum, where the power is in range. */
static inline rt_sum rt_exp_sum(rt_power e)
{
	const rt_sum one = rt_sum_of(1.0f, e.r);
	const rt_sum y = rt_sum_of(one.h, one.l + e.q);
	const float scale = rt_power_of_2(e.n);
	const rt_sum s = {y.h * scale, y.l * scale};

	return s;
}

#endif

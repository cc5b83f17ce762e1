/* SPDX-License-Identifier: 0BSD */
/*
 * The logarithm, in the parts that its relatives go on with.
 *
 * x = 2^k (1 + f) with 2/3 <= 1 + f < 4/3, and with s = f / (2 + f)
 *
 *   ln (1 + f) = 2 artanh s = f - (f^2/2 - s (f^2/2 + s^2 R(s^2)))
 *
 * as in FDLIBM (Sun 1993). k ln 2 is a sum of two products, the first exact.
 */
#ifndef RT_MATH_LOG_H
#define RT_MATH_LOG_H

#include "runtime/math.h"

/* 2^k m */
typedef struct rt_split {
	float k, m;
} rt_split;

/* A normal x > 0. k is made as in math_exp.h, backwards: where conversions
 * could trap, gcc makes no vectors of them. */
static inline rt_split rt_log_split(float x)
{
	const uint32_t u = rt_bits(x) + (0x3f800000u - 0x3f2aaaabu);
	rt_split s;

	s.k = rt_float(0x4b400000u + (u >> 23)) - (12582912.0f + 127.0f);
	s.m = rt_float((u & 0x007fffffu) + 0x3f2aaaabu);
	return s;
}

/* R(w) / w */
static inline float rt_log_tail(float w)
{
	return 6.666694880e-01f + w * (3.995765746e-01f + w * 3.036443889e-01f);
}

/* k ln 2 + ln (1 + f); h is the larger part, but l may be a sixth of it. */
static inline rt_sum rt_log_parts(float k, float f)
{
	const float s = f / (2.0f + f), w = s * s, square = 0.5f * f * f;
	const float less = square - s * (square + w * rt_log_tail(w));
	rt_sum sum = rt_sum_of(k * 6.931457520e-01f, f);

	sum.l += k * 1.428606765e-06f - less;
	return sum;
}

#endif

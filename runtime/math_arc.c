/* SPDX-License-Identifier: 0BSD */
/*
 * asin, acos: x + x^3 P(x^2) up to 1/2, and from there on by
 * asin x = pi/2 - 2 asin sqrt ((1 - x) / 2), where the root keeps what a float
 * would round away. atan: a polynomial of t up to tan pi/8, where atan x is
 * atan t, pi/4 + atan t with t = (x - 1) / (x + 1), or pi/2 + atan t with
 * t = -1 / x.
 */
#include "runtime/math.h"

#include <math.h>

/* pi/2 is the sum of these. */
#define RT_QUARTER 1.570796371e+00f
#define RT_QUARTER_LOW -4.371138829e-08f

/* asin x = h + l for x <= 1/2; of the larger, asin sqrt ((1 - x) / 2). */
static inline rt_sum rt_asin_parts(float x, int large)
{
	const float half = 0.5f * (1.0f - x), root = sqrtf(half);
	const rt_sum square = rt_square(root);
	const float off = ((half - square.h) - square.l) * (0.5f / root);
	const float rest = rt_pick(large & (x < 1.0f), off, 0.0f);
	const float z = rt_pick(large, half, x * x);
	float p = 4.215838760e-02f;
	rt_sum s;

	p = 2.418474294e-02f + z * p;
	p = 4.546915367e-02f + z * p;
	p = 7.495309412e-02f + z * p;
	p = 1.666675210e-01f + z * p;
	s.h = rt_pick(large, root, x);
	s.l = rest + s.h * (z * p);
	return s;
}

/* pi/2 - x */
static inline float rt_from_quarter(rt_sum x)
{
	const rt_sum s = rt_sum_of(RT_QUARTER, -x.h);

	return s.h + (s.l + (RT_QUARTER_LOW - x.l));
}

RT_API RT_INLINE float rt_asinf(float x)
{
	const float a = rt_abs(x);
	const int large = a > 0.5f;
	const rt_sum s = rt_asin_parts(a, large);
	const rt_sum twice = {2.0f * s.h, 2.0f * s.l};

	return rt_sign(rt_pick(large, rt_from_quarter(twice), s.h + s.l), x);
}

/* pi/2 - asin x; of a large x, twice that of the root, or pi without it. */
RT_API RT_INLINE float rt_acosf(float x)
{
	const int large = rt_abs(x) > 0.5f;
	const rt_sum s = rt_asin_parts(rt_abs(x), large);
	const rt_sum minus = {-s.h, -s.l};
	const int below = rt_bits(x) >> 31 != 0u;
	const float outer =
	    2.0f * rt_pick(below, rt_from_quarter(s), s.h + s.l);
	const float inner =
	    rt_pick(below, rt_from_quarter(minus), rt_from_quarter(s));

	return rt_pick(large, outer, inner);
}

/* atan (x.h + x.l) + from.h + from.l */
static inline float rt_atan_part(rt_sum from, rt_sum x)
{
	const float z = x.h * x.h;
	const rt_sum y = rt_sum_of(from.h, x.h);
	float p = -6.090052426e-02f;

	p = 1.059916839e-01f + z * p;
	p = -1.424439102e-01f + z * p;
	p = 1.999852806e-01f + z * p;
	p = -3.333331645e-01f + z * p;
	p = x.h * (z * p) + x.l * (1.0f - z);
	return y.h + (y.l + (from.l + p));
}

/* From 1e9 on atan x rounds to pi/2. */
RT_API RT_INLINE float rt_atanf(float x)
{
	const float a = rt_pick(rt_abs(x) > 1e9f, 1e9f, rt_abs(x));
	const float above = rt_pick(a > 2.41421366f, 1.0f, 0.0f);
	const float middle = rt_pick(a > 0.414213568f, 1.0f, 0.0f) - above;
	const float outside = rt_pick(a > 2.41421366f, 0.0f, a);
	const float inside = rt_pick(a > 0.414213568f, a, 0.0f);
	const float turns = above + 0.5f * middle;
	const rt_sum from = {turns * RT_QUARTER, turns * RT_QUARTER_LOW};
	const rt_sum up = rt_sum_of(-above - middle, outside);
	const rt_sum down = rt_sum_of(1.0f - above, inside);
	const rt_sum r = rt_reciprocal(down);
	const rt_sum t = rt_product(up, rt_sum_of(r.h, r.l));

	return rt_sign(rt_atan_part(from, t), x);
}

/* SPDX-License-Identifier: 0BSD */
/*
 * sin, cos, tan. x = q pi/2 + r with |r| <= pi/4, found for all x in one
 * way: its 24 digits times those digits of 2/pi that matter, which depends on
 * the exponent, in integers (Payne and Hanek 1983). The float nearest to a
 * multiple of pi/2 leaves r 30 digits of the fraction's 62.
 */
#include "runtime/math.h"

/* q pi/2 + r.h + r.l */
typedef struct rt_angle {
	rt_sum r;
	uint32_t q;
} rt_angle;

/* 32 zeros, then the digits of 2/pi; 32 of them, from one on. */
static inline uint32_t rt_two_over_pi(uint32_t from)
{
	static const uint32_t digits[8] = {
	    0x00000000u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
	    0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
	};
	const uint64_t pair =
	    (uint64_t)digits[from >> 5] << 32 | digits[(from >> 5) + 1u];

	return (uint32_t)(pair << (from & 31u) >> 32);
}

/* 2^62 times the fraction of 2/pi x, above it the quarter; x >= pi/4. */
static inline uint64_t rt_quarters(float x)
{
	const uint32_t u = rt_bits(x), from = (u >> 23) - 120u;
	const uint32_t m = (u & 0x007fffffu) | 0x00800000u;
	const uint64_t low = (uint64_t)m * rt_two_over_pi(from + 64u) >> 32;
	const uint64_t middle = (uint64_t)m * rt_two_over_pi(from + 32u);

	return ((uint64_t)(m * rt_two_over_pi(from)) << 32) + middle + low;
}

/* 2^-61 p; each of the three parts is exact. */
static inline rt_sum rt_sum_of_fixed(uint64_t p)
{
	const float high = (float)(int32_t)(p >> 40) * 4.76837158e-07f;
	const float middle = (float)(int32_t)(p >> 16 & 0xffffffu);
	const float low = (float)(int32_t)(p & 0xffffu) * 4.33680869e-19f;
	const rt_sum s = rt_sum_of(high, middle * 2.84217094e-14f);

	return rt_sum_of(s.h, s.l + low);
}

/* x >= 0 */
static inline rt_angle rt_reduce(float x)
{
	rt_angle a = {{x, 0.0f}, 0};
	uint64_t f, r;

	if (x < 0.785398185f)
		return a;
	f = rt_quarters(x);
	a.q = (uint32_t)((f + ((uint64_t)1 << 61)) >> 62);
	f -= (uint64_t)a.q << 62;
	r = f >> 63 ? 0u - f : f;
	/* times pi/2 = 0xc90fdaa2 2^-31 */
	a.r = rt_sum_of_fixed((r >> 32) * 0xc90fdaa2u +
			      ((r & 0xffffffffu) * 0xc90fdaa2u >> 32));
	a.r.h = f >> 63 ? -a.r.h : a.r.h;
	a.r.l = f >> 63 ? -a.r.l : a.r.l;
	return a;
}

static inline rt_sum rt_sin_part(rt_sum x)
{
	const float z = x.h * x.h;
	float p = 2.832510063e-06f;

	p = -1.985306444e-04f + z * p;
	p = 8.333379403e-03f + z * p;
	p = -1.666666716e-01f + z * p;
	return rt_sum_of(x.h, x.l * (1.0f - 0.5f * z) + x.h * (z * p));
}

static inline rt_sum rt_cos_part(rt_sum x)
{
	const rt_sum square = rt_square(x.h);
	const float z = square.h;
	const rt_sum y = rt_sum_of(1.0f, -0.5f * z);
	float p = 2.443232734e-05f;

	p = -1.388730947e-03f + z * p;
	p = 4.166664556e-02f + z * p;
	p = z * z * p - (x.h * x.l + 0.5f * square.l);
	return rt_sum_of(y.h, y.l + p);
}

/* sin (x + q pi/2) */
static inline float rt_sin_of(rt_angle x)
{
	const rt_sum y = x.q & 1u ? rt_cos_part(x.r) : rt_sin_part(x.r);

	return x.q & 2u ? -y.h : y.h;
}

RT_API RT_INLINE float rt_sinf(float x)
{
	const float a = rt_abs(x), y = rt_sin_of(rt_reduce(a));

	return a < RT_INF ? rt_bits(x) >> 31 ? -y : y : RT_NAN;
}

RT_API RT_INLINE float rt_cosf(float x)
{
	const float a = rt_abs(x);
	rt_angle y = rt_reduce(a);

	y.q++;
	return a < RT_INF ? rt_sin_of(y) : RT_NAN;
}

/* sin / cos, or -cos / sin of what is left by an odd number of quarters. */
RT_API RT_INLINE float rt_tanf(float x)
{
	const float a = rt_abs(x);
	const rt_angle t = rt_reduce(a);
	const rt_sum sin = rt_sin_part(t.r), cos = rt_cos_part(t.r);
	const int odd = (int)(t.q & 1u);
	const rt_sum r = rt_reciprocal(odd ? sin : cos);
	const rt_sum y = rt_product(odd ? cos : sin, rt_sum_of(r.h, r.l));
	const float tan = odd ? -(y.h + y.l) : y.h + y.l;

	return a < RT_INF ? rt_bits(x) >> 31 ? -tan : tan : RT_NAN;
}

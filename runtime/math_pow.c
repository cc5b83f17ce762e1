/* SPDX-License-Identifier: 0BSD */
/*
 * x^y = e^(y ln x), where ln x has some 34 digits, so that y times it, of
 * which e^104 is the end, has 27 behind the point. As in math_log.h
 * ln x = k ln 2 + 2 artanh s with s = f / (2 + f), all of it in sums.
 */
#include "runtime/math_exp.h"
#include "runtime/math_log.h"

/* ln (2^k (1 + f)) */
static inline rt_sum rt_log_exact(float k, float f)
{
	const rt_sum x = {f, 0.0f};
	const rt_sum r = rt_reciprocal(rt_sum_of(2.0f, f));
	rt_sum s = rt_product(x, rt_sum_of(r.h, r.l)), w, tail, cube, y;

	s = rt_sum_of(s.h, s.l);
	w = rt_product(s, s);
	tail = rt_sum_of(
	    6.666666865e-01f,
	    w.h * (4.000039399e-01f +
		   w.h * (2.852540910e-01f + w.h * 2.387650311e-01f)));
	tail.l -= 1.986821552e-08f;
	cube = rt_product(s, rt_product(w, tail));
	y = rt_sum_of(k * 6.931457520e-01f, 2.0f * s.h);
	y.l += 2.0f * s.l + cube.l + k * 1.428606765e-06f;
	w = rt_sum_of(y.h, cube.h);
	return rt_sum_of(w.h, w.l + y.l);
}

/* x^y of x > 0; a large y is as good as 2^32, as no x but 1 has
 * |ln x| < 2^-25. */
static inline float rt_pow_of(float x, float y)
{
	const int small = x < 1.17549435e-38f;
	const rt_split s = rt_log_split(rt_pick(small, x * 8388608.0f, x));
	const float k = rt_pick(small, s.k - 23.0f, s.k);
	const rt_sum times = {rt_clamp(y, -4294967296.0f, 4294967296.0f), 0.0f};
	const rt_sum p = rt_product(times, rt_log_exact(k, s.m - 1.0f));
	const float h = rt_clamp(p.h, -104.0f, 89.0f);
	const rt_power e = rt_exp_parts(h, 0.0f);
	const rt_sum one = rt_sum_of(1.0f, e.r);
	const float l = rt_pick(h == p.h, p.l, 0.0f);

	return rt_scale(one.h + (one.l + (e.q + l * (one.h + e.q))), e.n);
}

/* Of an integer below 2^24 the last digit, else 0: from 2^24 on all are even.
 * Adding 2^23 to one below it leaves its last digit last. */
static inline uint32_t rt_is_odd(float y)
{
	const float a = rt_abs(y);
	const float at = rt_pick(a < 8388608.0f, a + 8388608.0f, a);

	return rt_bits(at) & (uint32_t)(a < 16777216.0f);
}

static inline int rt_is_integer(float y)
{
	const float a = rt_abs(y), at = (a + 8388608.0f) - 8388608.0f;

	return (at == a) | (a >= 8388608.0f);
}

RT_API RT_INLINE float rt_powf(float x, float y)
{
	const float a = rt_abs(x);
	const int end = (a == 0.0f) | (a == RT_INF);
	const int up = (y > 0.0f) == (a > 1.0f);
	const int negative = rt_bits(x) > 0x7fffffffu;
	const uint32_t odd = rt_is_integer(y) ? rt_is_odd(y) : 0u;
	float z = rt_pow_of(a, y);

	z = rt_pick(end, rt_pick(up, RT_INF, 0.0f), z);
	z = rt_float(rt_bits(z) ^ (negative ? odd << 31 : 0u));
	z = rt_pick(negative & !end & !rt_is_integer(y), RT_NAN, z);
	z = rt_pick((x != x) | (y != y), RT_NAN, z);
	return rt_pick((x == 1.0f) | (y == 0.0f), 1.0f, z);
}

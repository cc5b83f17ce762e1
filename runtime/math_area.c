/* SPDX-License-Identifier: 0BSD */
/*
 * The inverse hyperbolic functions: logarithms of sums and quotients that keep
 * what a float would round away, and polynomials where the results are small.
 */
#include "runtime/math_log.h"

#include <math.h>

/* ln (2^k (x.h + x.l)) */
static inline float rt_log_of_sum(float k, rt_sum x)
{
	const rt_split s = rt_log_split(x.h);
	const rt_sum y = rt_log_parts(s.k + k, s.m - 1.0f);

	return y.h + (y.l + x.l / x.h);
}

/* ln (x + sqrt s); of a large x, ln 2 x. */
static inline float rt_area(float x, rt_sum s)
{
	const int large = x > 4096.0f;
	const float r = sqrtf(s.h);
	const rt_sum square = rt_square(r);
	const float rest = ((s.h - square.h) - square.l + s.l) * (0.5f / r);
	rt_sum y = rt_sum_of(rt_pick(r > x, r, x), rt_pick(r > x, x, r));

	y.h = rt_pick(large, x, y.h);
	y.l = rt_pick(large, 0.0f, y.l + rest);
	return rt_pick(x < RT_INF, rt_log_of_sum(rt_pick(large, 1.0f, 0.0f), y),
		       x);
}

static inline float rt_asinh_small(float x)
{
	const float z = x * x;
	float p = -1.322353352e-02f;

	p = 2.816109359e-02f + z * p;
	p = -4.438295960e-02f + z * p;
	p = 7.498640567e-02f + z * p;
	p = -1.666664332e-01f + z * p;
	return x + x * (z * p);
}

RT_API RT_INLINE float rt_asinhf(float x)
{
	const float a = rt_abs(x);
	const rt_sum square = rt_square(a);
	rt_sum s = rt_sum_of(1.0f, square.h);
	float large;

	s.l += square.l;
	large = rt_area(a, s);
	return rt_sign(rt_pick(a < 0.5f, rt_asinh_small(a), large), x);
}

/* sqrt (2 t) (1 + t P(t)) of t = x - 1 */
static inline float rt_acosh_small(float t)
{
	const float s = sqrtf(2.0f * t);
	const rt_sum square = rt_square(s);
	const float rest = ((2.0f * t - square.h) - square.l) * (0.5f / s);
	float p = -4.132354225e-04f;

	p = 1.760068350e-03f + t * p;
	p = -5.547869951e-03f + t * p;
	p = 1.874660142e-02f + t * p;
	p = -8.333321661e-02f + t * p;
	return rt_pick(t == 0.0f, 0.0f, s + (rest + s * (t * p)));
}

RT_API RT_INLINE float rt_acoshf(float x)
{
	const rt_sum square = rt_square(x);
	rt_sum s = rt_sum_of(square.h, -1.0f);
	float y;

	s.l += square.l;
	y = rt_pick(x < 1.5f, rt_acosh_small(x - 1.0f), rt_area(x, s));
	return rt_pick(x < 1.0f, RT_NAN, y);
}

/* (1 + x) / (1 - x) */
static inline rt_sum rt_atanh_ratio(float x)
{
	const rt_sum up = rt_sum_of(1.0f, x);
	const rt_sum y = rt_reciprocal(rt_sum_of(1.0f, -x));

	return rt_product(up, rt_sum_of(y.h, y.l));
}

/* ln ((1 + x) / (1 - x)) / 2; where x is small, the logarithm's own series. */
RT_API RT_INLINE float rt_atanhf(float x)
{
	const float a = rt_abs(x), z = a * a;
	const float small = a + 0.5f * a * (z * rt_log_tail(z));
	const float large = 0.5f * rt_log_of_sum(0.0f, rt_atanh_ratio(a));
	const float y = rt_pick(a < 0.2f, small, large);
	const float end = rt_pick(a == 1.0f, RT_INF, RT_NAN);

	return rt_sign(rt_pick(a < 1.0f, y, end), x);
}

/* SPDX-License-Identifier: 0BSD */
/*
 * sinh x = x + x^3 P(x^2) where x is small; else, as cosh x, of e^x and its
 * reciprocal. These are taken as e^x / 4 and 1 / (4 e^x), so that e^x is in
 * range where half of it is.
 */
#include "runtime/math_exp.h"

/* (e^x + sign e^-x) / 2 for x >= 0 */
static inline float rt_exp_mean(float x, float sign)
{
	rt_power e = rt_exp_parts(rt_pick(x > 89.5f, 89.5f, x), 0.0f);
	rt_sum up, y;

	e.n -= 2u;
	up = rt_exp_sum(e);
	y = rt_sum_of(up.h, sign * (0.0625f / up.h));
	return 2.0f * (y.h + (y.l + up.l));
}

static inline float rt_sinh_small(float x)
{
	const float z = x * x;
	float p = 2.782213187e-06f;

	p = 1.984289556e-04f + z * p;
	p = 8.333310485e-03f + z * p;
	p = 1.666666716e-01f + z * p;
	return x + x * (z * p);
}

RT_API RT_INLINE float rt_sinhf(float x)
{
	const float a = rt_abs(x), large = rt_exp_mean(a, -1.0f);

	return rt_sign(rt_pick(a < 1.0f, rt_sinh_small(a), large), x);
}

RT_API RT_INLINE float rt_coshf(float x)
{
	return rt_exp_mean(rt_abs(x), 1.0f);
}

/* SPDX-License-Identifier: 0BSD */
/*
 * tanh x = x + x^3 P(x^2) where x is small, else 1 - 2 / (e^2x + 1), with a
 * reciprocal of more than a float's digits. From 9.02 on it rounds to 1.
 */
#include "runtime/math_exp.h"

static inline float rt_tanh_small(float x)
{
	const float z = x * x;
	float p = -6.242849398e-03f;

	p = 2.105071396e-02f + z * p;
	p = -5.384754762e-02f + z * p;
	p = 1.333254427e-01f + z * p;
	p = -3.333331645e-01f + z * p;
	return x + x * (z * p);
}

static inline float rt_tanh_large(float x)
{
	const rt_sum e = rt_exp_sum(rt_exp_parts(2.0f * x, 0.0f));
	rt_sum d = rt_sum_of(e.h, 1.0f), y;

	d.l += e.l;
	d = rt_reciprocal(d);
	y = rt_sum_of(1.0f, -2.0f * d.h);
	return y.h + (y.l - 2.0f * d.l);
}

RT_API RT_INLINE float rt_tanhf(float x)
{
	const float a = rt_abs(x);
	const float large = rt_tanh_large(rt_pick(a > 9.1f, 9.1f, a));

	return rt_sign(rt_pick(a < 0.5493f, rt_tanh_small(a), large), x);
}

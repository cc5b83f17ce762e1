/* SPDX-License-Identifier: 0BSD */
/*
 * erf x = x + x P(x^2) where x is small, else 1 - e^-(x + x Q(x)) (the form is
 * N. Juffa's). From 3.92 on it rounds to 1.
 */
#include "runtime/math_exp.h"

static inline float rt_erf_small(float x)
{
	const float z = x * x;
	float p = -6.737583317e-04f;

	p = 5.113156978e-03f + z * p;
	p = -2.683433518e-02f + z * p;
	p = 1.128337905e-01f + z * p;
	p = -3.761262000e-01f + z * p;
	p = 1.283791661e-01f + z * p;
	return x + x * p;
}

static inline float rt_erf_large(float x)
{
	float p = 3.525070042e-06f;
	rt_sum e, y;

	p = -2.485095465e-04f + x * p;
	p = 3.352330299e-03f + x * p;
	p = -2.317448705e-02f + x * p;
	p = 1.055856571e-01f + x * p;
	p = 6.355261207e-01f + x * p;
	p = 1.285608858e-01f + x * p;
	e = rt_sum_of(x, x * p);
	e = rt_exp_sum(rt_exp_parts(-e.h, -e.l));
	y = rt_sum_of(1.0f, -e.h);
	return y.h + (y.l - e.l);
}

RT_API RT_INLINE float rt_erff(float x)
{
	const float a = rt_abs(x);
	const float large = rt_erf_large(rt_pick(a > 3.95f, 3.95f, a));

	return rt_pick(a < 0.75f, rt_erf_small(x), rt_sign(large, x));
}

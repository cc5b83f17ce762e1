/* SPDX-License-Identifier: 0BSD */
#include "runtime/math_exp.h"

/* Beyond the bounds lie infinity, and what rounds to 0. */
RT_API RT_INLINE float rt_expf(float x)
{
	const rt_power e = rt_exp_parts(rt_clamp(x, -104.0f, 89.0f), 0.0f);
	const rt_sum one = rt_sum_of(1.0f, e.r);

	return rt_scale(one.h + (one.l + e.q), e.n);
}

/* e^x - 1 = 2 ((t - 1/2) + t (r + q)) with t = 2^(n - 1), which is in range; a
 * small x is its own result, and would lose bits to t. */
RT_API RT_INLINE float rt_expm1f(float x)
{
	const rt_power e = rt_exp_parts(rt_clamp(x, -18.0f, 89.0f), 0.0f);
	const float t = rt_power_of_2(e.n - 1u);
	const float a = t - 0.5f, rest = (t - a) - 0.5f;
	const rt_sum s = rt_sum_of(a, t * e.r);
	const float y = 2.0f * (s.h + (s.l + (t * e.q + rest)));

	return rt_pick(rt_abs(x) < 2.98023224e-08f, x, y);
}

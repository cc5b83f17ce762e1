/* SPDX-License-Identifier: 0BSD */
#include "runtime/math_log.h"

/* What ln is where x (or 1 + x) is not between 0 and infinity. */
static inline float rt_log_special(float x, float y)
{
	y = rt_pick(x == 0.0f, -RT_INF, y);
	y = rt_pick(x < RT_INF, y, x);
	return rt_pick(x < 0.0f, RT_NAN, y);
}

RT_API RT_INLINE float rt_logf(float x)
{
	const int small = x < 1.17549435e-38f;
	const rt_split s = rt_log_split(rt_pick(small, x * 8388608.0f, x));
	const float k = rt_pick(small, s.k - 23.0f, s.k);
	const rt_sum y = rt_log_parts(k, s.m - 1.0f);

	return rt_log_special(x, y.h + y.l);
}

/* ln (u + e), where u = 1 + x is rounded and e is the rest; where u is near 1,
 * f is x itself. */
RT_API RT_INLINE float rt_log1pf(float x)
{
	const float u = 1.0f + x;
	const float e = rt_pick(x > 1.0f, 1.0f - (u - x), x - (u - 1.0f));
	const rt_split s = rt_log_split(u);
	const int one = s.k == 0.0f;
	const rt_sum y = rt_log_parts(s.k, rt_pick(one, x, s.m - 1.0f));
	const float more = rt_pick(one, 0.0f, e / u);
	const float ln = rt_log_special(u, y.h + (y.l + more));

	return rt_pick(x == 0.0f, x, ln);
}

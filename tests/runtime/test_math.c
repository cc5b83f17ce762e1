/*
 * The elementary functions against the C library's in double precision, on a
 * sample of all floats (tests/bench/bench_math.c takes all), and where the
 * standard names the result.
 */
#include <criterion/criterion.h>

#include <float.h>
#include <stdint.h>
#include <string.h>

#include "tests/runtime/math_list.h"

enum { STEP = 4099 };   /* a prime: the last bits take all values */

/* The largest errors that the sweep over all floats found are below these. */
static double bound_of(const char *name)
{
	static const struct {
		const char *name;
		double bound;
	} bounds[] = {
		{"exp", 0.76}, {"expm1", 0.83}, {"log", 0.85}, {"log1p", 0.84},
		{"tanh", 0.78}, {"erf", 0.85},
	};
	for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
		if (!strcmp(bounds[i].name, name))
			return bounds[i].bound;
	return 0;
}

Test(math, sample_of_all_floats)
{
	for (int i = 0; i < NELEMENTARY; i++) {
		const Elementary *m = &elementary[i];
		double bound = bound_of(m->name), worst = 0;
		for (uint64_t u = 0; u <= UINT32_MAX && worst <= bound;
		     u += STEP) {
			float x = rt_float((uint32_t)u);
			worst = ulps_off(m->f(x), m->exact((double)x));
			cr_expect(worst <= bound, "%s(%a) is %a, off by %g ulp",
			          m->name, (double)x, (double)m->f(x), worst);
		}
	}
}

/* Neighbours of the ends of intervals, and of where results stop to change. */
Test(math, around_the_seams)
{
	static const float seam[] = {
		0, FLT_TRUE_MIN, FLT_MIN, 2.98023224e-08f, 0.3465736f,
		0.5493f, 2.0f / 3, 0.75f, 1, 4.0f / 3, 3.919206f, 3.95f, 9.02f,
		9.1f, 17, 17.5f, 18, 87.3365f, 88.7228f, 89, 103.97f, 104,
		16777216, FLT_MAX,
	};
	for (int i = 0; i < NELEMENTARY; i++)
		for (size_t s = 0; s < 2 * (sizeof seam / sizeof seam[0]); s++) {
			const Elementary *m = &elementary[i];
			uint32_t at = rt_bits(seam[s / 2]);
			for (uint32_t u = at < 300 ? 0 : at - 300;
			     u < at + 300; u++) {
				float x = rt_float(u | (uint32_t)(s & 1) << 31);
				double off = ulps_off(m->f(x),
				                      m->exact((double)x));
				cr_expect(off <= bound_of(m->name),
				          "%s(%a) is %a, off by %g ulp", m->name,
				          (double)x, (double)m->f(x), off);
			}
		}
}

/* C11, annex F.10: what is exact, and which zero. */
Test(math, special_values)
{
	static const struct {
		float (*f)(float);
		float x, y;
	} cases[] = {
		{rt_expf, 0, 1}, {rt_expf, -0.0f, 1},
		{rt_expf, INFINITY, INFINITY}, {rt_expf, -INFINITY, 0},
		{rt_expf, 88.8f, INFINITY}, {rt_expf, -104, 0},
		{rt_expm1f, -0.0f, -0.0f}, {rt_expm1f, -INFINITY, -1},
		{rt_expm1f, INFINITY, INFINITY},
		{rt_logf, 0, -INFINITY}, {rt_logf, -0.0f, -INFINITY},
		{rt_logf, 1, 0}, {rt_logf, -1, NAN}, {rt_logf, -INFINITY, NAN},
		{rt_logf, INFINITY, INFINITY},
		{rt_log1pf, -0.0f, -0.0f}, {rt_log1pf, -1, -INFINITY},
		{rt_log1pf, -1.5f, NAN}, {rt_log1pf, INFINITY, INFINITY},
		{rt_tanhf, -0.0f, -0.0f}, {rt_tanhf, INFINITY, 1},
		{rt_tanhf, -INFINITY, -1},
		{rt_erff, -0.0f, -0.0f}, {rt_erff, INFINITY, 1},
		{rt_erff, -INFINITY, -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		float y = cases[i].f(cases[i].x);
		cr_expect(rt_bits(y) == rt_bits(cases[i].y) ||
		                  (isnan(y) && isnan(cases[i].y)),
		          "case %zu: f(%g) is %g, not %g", i,
		          (double)cases[i].x, (double)y, (double)cases[i].y);
	}
	for (int i = 0; i < NELEMENTARY; i++)
		cr_expect(isnan(elementary[i].f(NAN)), "%s",
		          elementary[i].name);
}

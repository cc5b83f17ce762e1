/*
 * The elementary functions against the C library's in double precision, on a
 * sample of all floats (tests/bench/bench_math.c takes more), and where the
 * standard names the result.
 */
#include <criterion/criterion.h>

#include <float.h>
#include <stdint.h>
#include <string.h>

#include "tests/runtime/math_list.h"

enum { STEP = 4099 }; /* a prime: the last bits take all values */

/* The largest errors that sweeps of bench_math.c found are below these. */
static double bound_of(const char *name)
{
	static const struct {
		const char *name;
		double bound;
	} bounds[] = {
		{"exp", 0.76}, {"expm1", 0.83}, {"log", 0.91}, {"log1p", 0.91},
		{"tanh", 0.78}, {"erf", 0.87}, {"sinh", 0.82}, {"cosh", 0.87},
		{"asinh", 0.76}, {"acosh", 0.75}, {"atanh", 0.75},
		{"sin", 0.78}, {"cos", 0.78}, {"tan", 0.95}, {"asin", 0.75},
		{"acos", 0.75}, {"atan", 0.75},
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
	    0,           FLT_TRUE_MIN, FLT_MIN,      2.98023224e-08f,
	    0.2f,        0.3465736f,   0.414213568f, 0.5f,
	    0.5493f,     2.0f / 3,     0.75f,        0.785398185f,
	    1,           4.0f / 3,     1.5f,         1.57079637f,
	    2.41421366f, 3.14159274f,  3.919206f,    3.95f,
	    9.02f,       9.1f,         17,           17.5f,
	    18,          87.3365f,     88.7228f,     89,
	    89.5f,       103.97f,      104,          4096,
	    16777216,    1e9f,         FLT_MAX,
	};
	for (int i = 0; i < NELEMENTARY; i++)
		for (size_t s = 0; s < 2 * (sizeof seam / sizeof seam[0]);
		     s++) {
			const Elementary *m = &elementary[i];
			uint32_t at = rt_bits(seam[s / 2]);
			for (uint32_t u = at < 300 ? 0 : at - 300; u < at + 300;
			     u++) {
				float x = rt_float(u | (uint32_t)(s & 1) << 31);
				double off =
				    ulps_off(m->f(x), m->exact((double)x));
				cr_expect(off <= bound_of(m->name),
					  "%s(%a) is %a, off by %g ulp",
					  m->name, (double)x, (double)m->f(x),
					  off);
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
	    {rt_expf, 0, 1},
	    {rt_expf, -0.0f, 1},
	    {rt_expf, INFINITY, INFINITY},
	    {rt_expf, -INFINITY, 0},
	    {rt_expf, 88.8f, INFINITY},
	    {rt_expf, -104, 0},
	    {rt_expm1f, -0.0f, -0.0f},
	    {rt_expm1f, -INFINITY, -1},
	    {rt_expm1f, INFINITY, INFINITY},
	    {rt_logf, 0, -INFINITY},
	    {rt_logf, -0.0f, -INFINITY},
	    {rt_logf, 1, 0},
	    {rt_logf, -1, NAN},
	    {rt_logf, -INFINITY, NAN},
	    {rt_logf, INFINITY, INFINITY},
	    {rt_log1pf, -0.0f, -0.0f},
	    {rt_log1pf, -1, -INFINITY},
	    {rt_log1pf, -1.5f, NAN},
	    {rt_log1pf, INFINITY, INFINITY},
	    {rt_tanhf, -0.0f, -0.0f},
	    {rt_tanhf, INFINITY, 1},
	    {rt_tanhf, -INFINITY, -1},
	    {rt_erff, -0.0f, -0.0f},
	    {rt_erff, INFINITY, 1},
	    {rt_erff, -INFINITY, -1},
	    {rt_sinhf, -0.0f, -0.0f},
	    {rt_sinhf, -INFINITY, -INFINITY},
	    {rt_sinhf, 89.5f, INFINITY},
	    {rt_coshf, 0, 1},
	    {rt_coshf, -INFINITY, INFINITY},
	    {rt_coshf, -89.5f, INFINITY},
	    {rt_asinhf, -0.0f, -0.0f},
	    {rt_asinhf, -INFINITY, -INFINITY},
	    {rt_acoshf, 1, 0},
	    {rt_acoshf, 0.5f, NAN},
	    {rt_acoshf, -INFINITY, NAN},
	    {rt_acoshf, INFINITY, INFINITY},
	    {rt_atanhf, -0.0f, -0.0f},
	    {rt_atanhf, 1, INFINITY},
	    {rt_atanhf, -1, -INFINITY},
	    {rt_atanhf, 1.5f, NAN},
	    {rt_atanhf, INFINITY, NAN},
	    {rt_sinf, -0.0f, -0.0f},
	    {rt_sinf, INFINITY, NAN},
	    {rt_cosf, -0.0f, 1},
	    {rt_cosf, -INFINITY, NAN},
	    {rt_tanf, -0.0f, -0.0f},
	    {rt_tanf, INFINITY, NAN},
	    {rt_asinf, -0.0f, -0.0f},
	    {rt_asinf, 1.5f, NAN},
	    {rt_acosf, 1, 0},
	    {rt_acosf, -1.5f, NAN},
	    {rt_atanf, -0.0f, -0.0f},
	    {rt_atanf, INFINITY, 1.57079637f},
	    {rt_atanf, -INFINITY, -1.57079637f},
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

/* The floats nearest to multiples of pi/2, of all and of the largest: what is
 * left of the reduction loses most there (Muller, Elementary Functions). */
Test(math, hardest_reductions)
{
	static const float hard[] = {
	    16367173.0f * 0x1p72f, 0x1.6ac5b2p+5f, 0x1.a26ab2p+84f,
	    0x1.1b8f0ep+24f,       0x1.2d97c8p+1f, 0x1.921fb6p+21f,
	    0x1.fffffep+127f,
	};
	for (int i = 0; i < NELEMENTARY; i++)
		for (size_t j = 0; j < sizeof hard / sizeof hard[0]; j++) {
			const Elementary *m = &elementary[i];
			double off =
			    ulps_off(m->f(hard[j]), m->exact((double)hard[j]));
			cr_expect(off <= bound_of(m->name), "%s(%a), off by %g",
				  m->name, (double)hard[j], off);
		}
}

/* No steps down where the function rises. */
Test(math, monotonic)
{
	static float (*const rising[])(float) = {
	    rt_expf, rt_expm1f, rt_logf,   rt_log1pf, rt_tanhf,
	    rt_erff, rt_sinhf,  rt_asinhf, rt_atanf,
	};
	static const float from[] = {1e-3f, 0.3f, 0.49f, 0.54f, 0.74f,
				     0.99f, 1.3f, 2.4f,  8.5f};
	for (size_t f = 0; f < sizeof rising / sizeof rising[0]; f++)
		for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
			float last = rising[f](from[i]);
			uint32_t u = rt_bits(from[i]);
			for (uint32_t n = 1; n < 2000; n++) {
				float x = rt_float(u + 97 * n);
				float y = rising[f](x);
				cr_expect(y >= last, "function %zu at %a", f,
					  (double)x);
				last = y;
			}
		}
}

/* ---- pow ---- */

/* Of all special values and integers, one with another. */
Test(math, pow_of_special_values)
{
	static const float x[] = {
	    0,
	    -0.0f,
	    1,
	    -1,
	    2,
	    -2,
	    0.5f,
	    -0.5f,
	    3,
	    -3,
	    INFINITY,
	    -INFINITY,
	    NAN,
	    FLT_TRUE_MIN,
	    -FLT_TRUE_MIN,
	    8388607,
	    8388608,
	    8388609,
	    -8388607,
	    16777215,
	    -16777215,
	    16777216,
	    1e30f,
	    -1e30f,
	    1.00000012f,
	    0.99999994f,
	    FLT_MAX,
	    -FLT_MAX,
	    FLT_MIN,
	    1.5f,
	    -1.5f,
	    4194303.5f,
	    -4194303.5f,
	};
	enum { N = sizeof x / sizeof x[0] };
	for (int i = 0; i < N * N; i++) {
		float a = x[i / N], b = x[i % N], y = rt_powf(a, b);
		double off = ulps_off(y, pow((double)a, (double)b));
		cr_expect(off <= 0.8, "pow(%a, %a) is %a, off by %g ulp",
			  (double)a, (double)b, (double)y, off);
	}
}

/* Results of all exponents, from bases near 1 and from all. */
Test(math, pow_sample)
{
	uint32_t r = 1;
	for (int i = 0; i < 400000; i++) {
		r = r * 1664525u + 1013904223u;
		float x =
		    i % 2 ? rt_float(r >> 1) : rt_float(0x3f000000u + (r >> 8));
		r = r * 1664525u + 1013904223u;
		double log = log2((double)x);
		float y = (float)((r / 4294967296.0 - 0.5) * 300 /
				  (log != 0 ? log : 1));
		double off = ulps_off(rt_powf(x, y), pow((double)x, (double)y));
		cr_expect(off <= 0.8, "pow(%a, %a), off by %g ulp", (double)x,
			  (double)y, off);
	}
}

/*
 * The elementary functions on all floats: the largest error in units of the
 * last place and where it is, how many results are not the nearest float, and
 * the time of a loop over the function beside one over the C library's, as CSV.
 * Arguments: a function's name ("": each); the step between floats (1: all, a
 * minute and a half a function); the least magnitude, and the end.
 *
 *   cc -std=c11 -O3 -march=native -ffp-contract=off -fno-math-errno \
 *     -I. tests/bench/bench_math.c -lm -o bench_math && ./bench_math
 */
#define _POSIX_C_SOURCE 199309L
#define RT_API static
#define RT_INLINE inline

#include "runtime/math_arc.c"
#include "runtime/math_area.c"
#include "runtime/math_erf.c"
#include "runtime/math_exp.c"
#include "runtime/math_log.c"
#include "runtime/math_sinh.c"
#include "runtime/math_tanh.c"
#include "runtime/math_trig.c"
#include "tests/runtime/math_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT = 4096, RUNS = 200 };

static float input[COUNT], results[COUNT];
static float *volatile output = results; /* the loops are not idle */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ns an element, of the best run */
static double bench_time(void (*loop)(void))
{
	double best = 1e30;

	for (int run = 0; run < RUNS; run++) {
		const double start = now_ns();
		loop();
		const double t = (now_ns() - start) / COUNT;
		best = t < best ? t : best;
	}
	return best;
}

/* Over [from, from + 1). */
#define LOOPS(name, from)                                                      \
	static void name##_here(void)                                          \
	{                                                                      \
		float *y = output;                                             \
		for (int i = 0; i < COUNT; i++)                                \
			y[i] = rt_##name##f(from + input[i]);                  \
	}                                                                      \
	static void name##_library(void)                                       \
	{                                                                      \
		float *y = output;                                             \
		for (int i = 0; i < COUNT; i++)                                \
			y[i] = name##f(from + input[i]);                       \
	}
LOOPS(exp, 0)
LOOPS(expm1, 0)
LOOPS(log, 0)
LOOPS(log1p, 0)
LOOPS(tanh, 0)
LOOPS(erf, 0)
LOOPS(sinh, 0)
LOOPS(cosh, 0)
LOOPS(asinh, 0)
LOOPS(acosh, 1)
LOOPS(atanh, 0)
LOOPS(sin, 0)
LOOPS(cos, 0)
LOOPS(tan, 0)
LOOPS(asin, 0)
LOOPS(acos, 0)
LOOPS(atan, 0)

/* In the order of elementary[]. */
#define PAIR(name)                                                             \
	{                                                                      \
		name##_here, name##_library                                    \
	}
static void (*const loops[NELEMENTARY][2])(void) = {
    PAIR(exp),  PAIR(expm1), PAIR(log),   PAIR(log1p), PAIR(tanh),  PAIR(erf),
    PAIR(sinh), PAIR(cosh),  PAIR(asinh), PAIR(acosh), PAIR(atanh), PAIR(sin),
    PAIR(cos),  PAIR(tan),   PAIR(asin),  PAIR(acos),  PAIR(atan),
};

typedef struct Sweep {
	uint32_t step, low, end; /* the last two as bits */
} Sweep;

static void report(int which, const Sweep *sweep)
{
	const Elementary *m = &elementary[which];
	double worst = 0;
	float at = 0;
	uint64_t rounded = 0, total = 0;

	for (uint64_t u = 0; u <= UINT32_MAX; u += sweep->step) {
		const uint32_t size = (uint32_t)u & 0x7fffffffu;
		if (size < sweep->low || size >= sweep->end)
			continue;
		const float x = rt_float((uint32_t)u), y = m->f(x);
		const double exact = m->exact((double)x);
		total++;
		if (y == (float)exact && !signbit(y) == !signbit(exact))
			continue;
		const double off = ulps_off(y, exact);
		rounded += !isnan(exact);
		if (off > worst) {
			worst = off;
			at = x;
		}
	}
	printf("%s,%.4f,%.9g,%.4f,%.2f,%.2f\n", m->name,
	       worst > 0.5 ? worst : 0.5, (double)at,
	       100 * (double)rounded / (double)total,
	       bench_time(loops[which][0]), bench_time(loops[which][1]));
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";
	const uint32_t step = argc > 2 ? (uint32_t)atol(argv[2]) : 1;
	const Sweep sweep = {
	    step ? step : 1,
	    argc > 3 ? rt_bits(strtof(argv[3], NULL)) : 0,
	    argc > 4 ? rt_bits(strtof(argv[4], NULL)) : 0x80000000u,
	};

	for (int i = 0; i < COUNT; i++)
		input[i] = (float)(i * 7 % COUNT) / COUNT;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("function,ulp,at,%% not nearest,ns,ns of the C library's\n");
	for (int i = 0; i < NELEMENTARY; i++)
		if (!*only || !strcmp(only, elementary[i].name))
			report(i, &sweep);
	return 0;
}

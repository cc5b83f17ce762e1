/*
 * What the tests of the kernels share: random numbers, and buffers between guard
 * zones.
 */
#ifndef TESTS_RUNTIME_GUARDED_H
#define TESTS_RUNTIME_GUARDED_H

#include <criterion/criterion.h>

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define GUARD 64
#define GUARD_VALUE 12345.678f

static uint32_t rng_state = 12345;

static uint32_t rng_next(void)
{
	rng_state = rng_state * 1664525u + 1013904223u;
	return rng_state >> 8;
}

static int32_t rng_below(int32_t n)
{
	return (int32_t)(rng_next() % (uint32_t)n);
}

static float rng_float(void)
{
	return (float)rng_below(2001) / 1000.0f - 1.0f;
}

/* With the sanitizer, guard zones may not even be read. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GUARD_CLOSE(p) ASAN_POISON_MEMORY_REGION(p, GUARD * sizeof(float))
#define GUARD_OPEN(p) ASAN_UNPOISON_MEMORY_REGION(p, GUARD * sizeof(float))
#else
#define GUARD_CLOSE(p) ((void)(p))
#define GUARD_OPEN(p) ((void)(p))
#endif

/* count floats of value between two guard zones. */
static float *guarded_new(size_t count, float value)
{
	float *p = malloc((count + 2 * GUARD) * sizeof(float));

	cr_assert_not_null(p);
	for (size_t i = 0; i < count + 2 * GUARD; i++)
		p[i] = i < GUARD || i >= GUARD + count ? GUARD_VALUE : value;
	GUARD_CLOSE(p), GUARD_CLOSE(p + GUARD + count);
	return p + GUARD;
}

static int guards_intact(const float *p, size_t count)
{
	GUARD_OPEN(p - GUARD), GUARD_OPEN(p + count);
	for (size_t i = 0; i < GUARD; i++)
		if (p[(ptrdiff_t)i - GUARD] != GUARD_VALUE
			|| p[count + i] != GUARD_VALUE)
			return 0;
	return 1;
}

static void guarded_free(float *p)
{
	free(p - GUARD);
}

#endif

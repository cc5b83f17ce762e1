/*
 * What the tests of the kernels on floats share: random inputs that end where
 * their allocation ends, and results in double precision with the error that f32
 * sums may have.
 */
#ifndef TESTS_RUNTIME_EXPECT_H
#define TESTS_RUNTIME_EXPECT_H

#include "tests/runtime/guarded.h"

static float *input_new(size_t count)
{
	float *p = malloc((count ? count : 1) * sizeof(float));

	cr_assert_not_null(p);
	for (size_t i = 0; i < count; i++)
		p[i] = rng_float();
	return p;
}

/* What a result must be, and the sum of the magnitudes that made it. */
struct expect {
	double value, size;
};

static struct expect *expect_new(size_t count)
{
	struct expect *e = calloc(count ? count : 1, sizeof(*e));

	cr_assert_not_null(e);
	return e;
}

static void expect_add(struct expect *e, double v)
{
	e->value += v;
	e->size += fabs(v);
}

/* The first index that is off, or -1. */
static long expect_check(const struct expect *e, const float *got, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabs(got[i] - e[i].value) <= 4e-6 * e[i].size + 1e-9))
			return (long)i;
	return -1;
}

#endif

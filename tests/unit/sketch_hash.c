/* The hashes of sketches against chance. */
#include "tests/unit/sketch_hash.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

enum { BUCKETS = 64 };

/* 63 degrees of freedom: chi-square is above 120 once in 10,000 times. */
static void hashes_are_even(void)
{
	for (int j = 0; j < DEPTH; j++) {
		int count[BUCKETS] = {0}, n = 33278, plus = 0;
		double chi = 0, expected = (double)n / BUCKETS;
		for (int row = 0; row < n; row++) {
			count[bucket(row, j, BUCKETS)]++;
			plus += sign(row, j) > 0;
		}
		for (int i = 0; i < BUCKETS; i++)
			chi += pow(count[i] - expected, 2) / expected;
		cr_expect_lt(chi, 120, "table %d: chi-square %g", j, chi);
		cr_expect_lt(abs(2 * plus - n), 4 * (int)sqrt(n),
		             "table %d: %d signs are positive", j, plus);
	}
}

Test(sketch_hash, hashes_are_even)
{
	for (seed = 0; seed < 4; seed++)
		hashes_are_even();
}

/* Rows that meet with one seed meet by chance with another. */
Test(sketch_hash, seeds_differ)
{
	int met = 0, again = 0;
	for (int a = 0; a < 400; a++)
		for (int b = 0; b < a; b++) {
			seed = 0;
			if (bucket(a, 0, BUCKETS) != bucket(b, 0, BUCKETS))
				continue;
			met++;
			seed = 1;
			again += bucket(a, 0, BUCKETS) == bucket(b, 0, BUCKETS);
		}
	cr_expect(met > 800 && again < met / 20, "%d meet, %d again", met, again);
}

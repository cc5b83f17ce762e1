/* The generator behind Dropout: the interpreter's and the runtime's are one
 * function, and its numbers look independent. */
#include "ir/op.h"
#include "runtime/scalar.h"

#include <criterion/criterion.h>
#include <math.h>

enum { SEEDS = 64, COUNTERS = 512, COUNT = SEEDS * COUNTERS };

static uint32_t seed_number(int i)
{
	static const uint32_t ends[] = {0, 1, 2, 0x7fffffff, 0x80000000,
	                                0xffffffff};
	return i < 6 ? ends[i] : rt_mix((uint32_t)i, 7);
}

/* out[s, c] = uniform(seed[s], c), by the interpreter. */
static void interpret(const uint32_t *seed, float *out)
{
	Arena *a = arena_create();
	Value in = {.id = 0, .name = "seed", .dtype = DT_U32,
	            .kind = V_INPUT, .shape = {1, {SEEDS}}};
	Value to = {.id = 1, .name = "out", .dtype = DT_F32,
	            .kind = V_RESULT, .shape = {2, {SEEDS, COUNTERS}}};
	Kernel k = {.arena = a};
	int loop[2];
	k.tail = &k.body;
	k_for_shape(&k, to.shape, loop);
	Expr *counter = k_index(&k, k_at(loop[1]));
	k_store(&k, &to, loop, k_uniform(&k, k_load(&k, &in, loop), counter));
	k_end_n(&k, 2);
	uint32_t copy[SEEDS];
	for (int s = 0; s < SEEDS; s++)
		copy[s] = seed[s];
	kernel_eval(&k, (void *[]){copy, out}, false);
	arena_destroy(a);
}

Test(random, interpreter_and_runtime_agree)
{
	static float u[COUNT];
	uint32_t seed[SEEDS];
	for (int s = 0; s < SEEDS; s++)
		seed[s] = seed_number(s);
	interpret(seed, u);
	for (int i = 0; i < COUNT; i++) {
		uint32_t s = seed[i / COUNTERS], c = (uint32_t)(i % COUNTERS);
		cr_assert_eq(u[i], rt_uniform(s, c), "uniform(%u, %u) is %.9g, "
		             "the runtime's %.9g", (unsigned)s, (unsigned)c,
		             (double)u[i], (double)rt_uniform(s, c));
	}
}

typedef struct Moments {
	double mean, variance, covariance;   /* of u, and of u with its pair */
} Moments;

/* `ds`, `dc`: where a number's pair is, in seed and counter. */
static Moments moments_of(uint32_t seed, uint32_t ds, uint32_t dc)
{
	const int n = 100000;
	double sum = 0, square = 0, product = 0;
	for (uint32_t c = 0; c < (uint32_t)n; c++) {
		double u = (double)rt_uniform(seed, c) - 0.5;
		cr_assert(u >= -0.5 && u < 0.5);
		sum += u;
		square += u * u;
		product += u * ((double)rt_uniform(seed + ds, c + dc) - 0.5);
	}
	return (Moments){sum / n, square / n, product / n};
}

/* Five standard deviations of each estimate. */
Test(random, moments_are_those_of_independent_uniforms)
{
	static const uint32_t pair[][2] = {{0, 1}, {1, 0}, {1, 1}, {0, 2},
	                                   {2, 0}, {0x85ebca6b, 0}};
	for (int s = 0; s < 8; s++)
		for (int p = 0; p < 6; p++) {
			Moments m = moments_of(seed_number(s), pair[p][0],
			                       pair[p][1]);
			cr_expect_lt(fabs(m.mean), 0.0046, "mean %g", m.mean);
			cr_expect_lt(fabs(m.variance - 1.0 / 12), 0.0012,
			             "variance %g", m.variance);
			cr_expect_lt(fabs(m.covariance), 0.0014,
			             "seed %d, pair %d: covariance %g", s, p,
			             m.covariance);
		}
}

/* Steps of a run must not repeat each other's seeds. */
Test(random, mixed_seeds_differ)
{
	enum { STEPS = 2000 };
	static uint32_t seen[STEPS];
	for (uint32_t i = 0; i < STEPS; i++) {
		seen[i] = rt_mix(42, i);
		for (uint32_t j = 0; j < i; j++)
			cr_assert_neq(seen[i], seen[j]);
	}
}

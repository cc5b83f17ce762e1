/* runtime/half.c, cast.c, random.c against the compiler's own arithmetic. */
#include "ir/kernel.h"
#include "ir/op.h"
#include "runtime/scalar.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static uint32_t bits_of(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static float float_of(uint32_t bits)
{
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static bool same(float a, float b)
{
	return bits_of(a) == bits_of(b) || (isnan(a) && isnan(b));
}

Test(backend_scalar, every_half)
{
	for (uint32_t h = 0; h < 65536; h++) {
		uint16_t stored = (uint16_t)h;
		float f16 = (float)dtype_get(DT_F16, &stored, 0).f;
		float bf16 = (float)dtype_get(DT_BF16, &stored, 0).f;
		cr_assert(same(rt_f16_to_f32(stored), f16), "%x", h);
		cr_assert(same(rt_bf16_to_f32(stored), bf16), "%x", h);
		if (!isnan(f16))
			cr_assert_eq(rt_f32_to_f16(f16), stored, "%x", h);
		if (!isnan(bf16))
			cr_assert_eq(rt_f32_to_bf16(bf16), stored, "%x", h);
	}
}

/* Rounding: floats of all exponents, and those next to a half's ties. */
static void check_rounding(float x)
{
	uint16_t want;
	dtype_put(DT_F16, &want, 0, (Scalar){.f = (double)x});
	cr_assert_eq(rt_f32_to_f16(x), want, "%a", (double)x);
	dtype_put(DT_BF16, &want, 0, (Scalar){.f = (double)x});
	if (!isnan(x))
		cr_assert_eq(rt_f32_to_bf16(x), want, "%a", (double)x);
}

Test(backend_scalar, rounding_to_halves)
{
	for (uint32_t h = 0; h < 0x7c00; h++) {
		float a = rt_f16_to_f32((uint16_t)h);
		float b = h == 0x7bff ? 65536.0f
		                      : rt_f16_to_f32((uint16_t)(h + 1));
		uint32_t tie = bits_of((a + b) / 2);
		for (int sign = 0; sign < 2; sign++)
			for (uint32_t d = 0; d < 3; d++)
				check_rounding(float_of(
					(tie - 1 + d) | (uint32_t)sign << 31));
	}
	uint32_t bits = 7;
	for (int i = 0; i < 300000; i++) {
		bits = bits * 1664525u + 1013904223u;
		if (!isnan(float_of(bits)))
			check_rounding(float_of(bits));
	}
}

Test(backend_scalar, casts_saturate)
{
	cr_expect_eq(rt_f32_to_i32(NAN), 0);
	cr_expect_eq(rt_f32_to_i32(-1.9f), -1);
	cr_expect_eq(rt_f32_to_i32(2147483648.0f), INT32_MAX);
	cr_expect_eq(rt_f32_to_i32(2147483520.0f), 2147483520);
	cr_expect_eq(rt_f32_to_i32(-2147483648.0f), INT32_MIN);
	cr_expect_eq(rt_f32_to_i32(-1e30f), INT32_MIN);
	cr_expect_eq(rt_f64_to_i32(2147483647.5), INT32_MAX);
	cr_expect_eq(rt_f64_to_i32(-2147483648.5), INT32_MIN);
	cr_expect_eq(rt_f64_to_i64(9.3e18), INT64_MAX);
	cr_expect_eq(rt_f64_to_i64(-9.3e18), INT64_MIN);
	cr_expect_eq(rt_f64_to_i64((double)NAN), 0);
	cr_expect_eq(rt_f32_to_i64(-3.5f), -3);
	cr_expect_eq(rt_f32_to_i64(INFINITY), INT64_MAX);
}

/* y[i] = uniform(seed, i), by the interpreter. */
static void interpret_uniform(uint32_t seed, float *y, int64_t n)
{
	Arena *a = arena_create();
	Value v = {.id = 0, .dtype = DT_F32, .shape = {1, {n}}, .kind = V_RESULT};
	Node node = {.op = &op_Dropout};
	Kernel k = {.arena = a, .node = &node};
	k.tail = &k.body;
	int i = k_for(&k, n);
	Expr *s = k_typed(&k, DT_I64, seed);
	k_store_flat(&k, &v, k_at(i), k_uniform(&k, s, k_index(&k, k_at(i))));
	k_end(&k);
	kernel_eval(&k, (void *[]){y}, false);
	arena_destroy(a);
}

Test(backend_scalar, random_numbers_are_the_interpreters)
{
	enum { N = 10000 };
	static float y[N];
	for (uint32_t seed = 0; seed < 5; seed++) {
		double sum = 0;
		uint32_t mixed = rt_mix(1, seed);
		interpret_uniform(mixed, y, N);
		for (uint32_t i = 0; i < N; i++) {
			cr_assert_eq(rt_uniform(mixed, i), y[i]);
			cr_assert(y[i] >= 0 && y[i] < 1);
			sum += (double)y[i];
		}
		cr_expect(fabs(sum / N - 0.5) < 0.02);
	}
	cr_expect_neq(rt_mix(1, 1), rt_mix(1, 2));
	cr_expect_neq(rt_mix(1, 1), rt_mix(2, 1));
}

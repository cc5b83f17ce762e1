/* Element types and shapes; the narrow float formats over all their bits. */
#include "ir/type.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* ---- narrow floats ---- */

static bool is_nan_f16(int h)
{
	return (h & 0x7c00) == 0x7c00 && (h & 0x3ff);
}

Test(type, every_f16_survives)
{
	for (int h = 0; h < 65536; h++) {
		float x = f16_to_f32((uint16_t)h);
		uint16_t back = f32_to_f16(x);
		if (is_nan_f16(h))
			cr_expect(isnan(x) && is_nan_f16(back), "%04x", h);
		else
			cr_expect_eq(back, h, "%04x is %g, back %04x", h,
			             (double)x, back);
	}
}

/* By the definition of the format, in integers. */
Test(type, f16_values)
{
	for (int h = 0; h < 0x7c00; h++) {
		int e = h >> 10;
		double x = e ? ldexp(1024 + (h & 1023), e - 25)
		             : ldexp(h & 1023, -24);
		cr_expect_eq((double)f16_to_f32((uint16_t)h), x);
		cr_expect_eq((double)f16_to_f32((uint16_t)(h | 0x8000)), -x);
	}
}

/* Halfway between neighbours goes to the even one, else to the nearer. */
Test(type, f16_rounds_to_nearest_even)
{
	for (int h = 0; h < 0x7bff; h++) {
		double lo = (double)f16_to_f32((uint16_t)h);
		double hi = (double)f16_to_f32((uint16_t)(h + 1));
		float mid = (float)((lo + hi) / 2);
		int even = h & 1 ? h + 1 : h;
		cr_expect_eq(f32_to_f16(mid), even, "%04x", h);
		cr_expect_eq(f32_to_f16(nextafterf(mid, 0)), h, "%04x", h);
		cr_expect_eq(f32_to_f16(nextafterf(mid, 1e9f)), h + 1, "%04x",
		             h);
		cr_expect_eq(f32_to_f16(-mid), even | 0x8000);
	}
	cr_expect_eq(f32_to_f16(65519.0f), 0x7bff);
	cr_expect_eq(f32_to_f16(65520.0f), 0x7c00);
	cr_expect_eq(f32_to_f16(INFINITY), 0x7c00);
	cr_expect_eq(f32_to_f16(-INFINITY), 0xfc00);
}

static float bits(uint32_t b)
{
	float x;
	memcpy(&x, &b, sizeof x);
	return x;
}

Test(type, every_bf16_survives)
{
	for (int b = 0; b < 65536; b++) {
		uint16_t stored = (uint16_t)b, back = 0;
		Scalar x = dtype_get(DT_BF16, &stored, 0);
		dtype_put(DT_BF16, &back, 0, x);
		if (isnan(bits((uint32_t)b << 16)))
			cr_expect(isnan(x.f) && (back & 0x7f) &&
			          (back & 0x7f80) == 0x7f80, "%04x", b);
		else
			cr_expect_eq(back, b);
	}
}

Test(type, bf16_rounds_to_nearest_even)
{
	for (uint32_t b = 0; b < 0x7f7f; b++) {
		uint16_t low = 0, mid = 0, high = 0;
		uint32_t half = b << 16 | 0x8000;
		dtype_put(DT_BF16, &low, 0,
		          (Scalar){.f = (double)bits(half - 1)});
		dtype_put(DT_BF16, &mid, 0, (Scalar){.f = (double)bits(half)});
		dtype_put(DT_BF16, &high, 0,
		          (Scalar){.f = (double)bits(half + 1)});
		cr_expect_eq(low, b);
		cr_expect_eq(mid, b & 1 ? b + 1 : b);
		cr_expect_eq(high, b + 1);
	}
}

/* ---- all types ---- */

Test(type, names_and_onnx_numbers)
{
	for (int t = 0; t < NDTYPE; t++) {
		DType a, b;
		cr_assert(dtype_from_name(dtype_name((DType)t), &a));
		cr_expect_eq(a, t);
		if (t == DT_BIT)   /* thimble's own */
			continue;
		cr_assert(dtype_from_onnx(dtype_to_onnx((DType)t), &b));
		cr_expect_eq(b, t);
	}
	DType t;
	cr_expect_not(dtype_from_name("f33", &t));
	cr_expect_not(dtype_from_onnx(8, &t));   /* strings */
	cr_expect_not(dtype_from_onnx(-1, &t));
	cr_expect_not(dtype_from_onnx(0, &t));
}

Test(type, bits_share_bytes)
{
	uint8_t x[3] = {0xff, 0xff, 0xff};
	for (int i = 0; i < 19; i++)
		dtype_put(DT_BIT, x, i, (Scalar){.i = i % 3 == 0});
	for (int i = 0; i < 19; i++)
		cr_expect_eq(dtype_get(DT_BIT, x, i).i, i % 3 == 0, "%d", i);
	cr_expect_eq(x[0], 0x49);   /* 0, 3, 6 */
	cr_expect_eq(x[2] & 0xf8, 0xf8);
	for (int64_t n = 0; n < 20; n++)
		cr_expect_eq(shape_bytes((Shape){1, {n}}, DT_BIT),
		             n / 8 + (n % 8 != 0));
	cr_expect_eq(shape_bytes((Shape){0}, DT_BIT), 1);
	cr_expect_eq(shape_bytes((Shape){2, {3, 5}}, DT_F32), 60);
}

Test(type, integers_wrap)
{
	for (int t = 0; t < NDTYPE; t++) {
		if (dtype_is_float((DType)t) || t == DT_BIT)
			continue;
		uint64_t x[2] = {0, 0};
		int size = dtype_size((DType)t);
		dtype_put((DType)t, x, 1, (Scalar){.i = -3});
		Scalar back = dtype_get((DType)t, x, 1);
		bool is_signed = dtype_name((DType)t)[0] == 'i';
		int64_t mask = size == 8 ? -1 : (INT64_C(1) << 8 * size) - 1;
		cr_expect_eq(back.i, is_signed || size == 8 ? -3 : -3 & mask,
		             "%s", dtype_name((DType)t));
		cr_expect_eq(dtype_get((DType)t, x, 0).i, 0);
	}
}

/* ---- shapes ---- */

static Shape shape_of(int code)
{
	static const int64_t dims[] = {1, 2, 3};
	Shape s = {.rank = code % 4};
	for (int i = 0, c = code / 4; i < s.rank; i++, c /= 3)
		s.dim[i] = dims[c % 3];
	return s;
}

/* Against the rule said with indexes: each dimension is 1 or the largest. */
static bool broadcast_by_index(Shape a, Shape b, Shape *out)
{
	out->rank = a.rank > b.rank ? a.rank : b.rank;
	for (int i = 1; i <= out->rank; i++) {
		int64_t x = i <= a.rank ? a.dim[a.rank - i] : 1;
		int64_t y = i <= b.rank ? b.dim[b.rank - i] : 1;
		out->dim[out->rank - i] = x > y ? x : y;
		if (x != y && x > 1 && y > 1)
			return false;
	}
	return true;
}

Test(shape, broadcast)
{
	int fit = 0;
	for (int i = 0; i < 4 * 27; i++)
		for (int j = 0; j < 4 * 27; j++) {
			Shape a = shape_of(i), b = shape_of(j), got = {0};
			Shape want = {0};
			bool ok = broadcast_by_index(a, b, &want);
			cr_assert_eq(shape_broadcast(a, b, &got), ok);
			cr_assert(!ok || shape_equal(got, want));
			fit += ok;
		}
	cr_expect(fit > 1000 && fit < 108 * 108);
	Shape s;
	cr_expect(shape_broadcast((Shape){1, {0}}, (Shape){1, {1}}, &s));
	cr_expect_eq(s.dim[0], 0);
	cr_expect_not(shape_broadcast((Shape){1, {0}}, (Shape){1, {2}}, &s));
}

Test(shape, sizes_and_strides)
{
	Shape s = {3, {4, 5, 6}};
	int64_t stride[MAX_RANK];
	Arena *a = arena_create();
	shape_strides(s, stride);
	cr_expect_eq(numel(s), 120);
	cr_expect_eq(stride[0], 30);
	cr_expect_eq(stride[1], 6);
	cr_expect_eq(stride[2], 1);
	cr_expect_eq(numel((Shape){0}), 1);
	cr_expect_str_eq(shape_text(a, s), "[4,5,6]");
	cr_expect_str_eq(shape_text(a, (Shape){0}), "[]");
	arena_destroy(a);
}

Test(shape, overflow_is_invalid)
{
	int64_t big = INT64_C(1) << 20;
	cr_expect(shape_valid((Shape){2, {big, 1 << 17}}));
	cr_expect_not(shape_valid((Shape){3, {big, 1 << 17, 2}}));
	cr_expect_not(shape_valid((Shape){2, {big, big}}));
	cr_expect_not(shape_valid((Shape){3, {big, big, 0}}));
	cr_expect_not(shape_valid((Shape){1, {-1}}));
	cr_expect_not(shape_valid((Shape){1, {INT64_MAX}}));
	cr_expect(shape_valid((Shape){2, {0, 7}}));
}

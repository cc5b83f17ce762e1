/* SPDX-License-Identifier: 0BSD */
/*
 * Half precision and bfloat16 without hardware support. A half's 15 bits,
 * shifted to a float's place, are a float 2^112 too small, subnormals too:
 * one multiplication does the rest.
 */
#include "runtime/scalar.h"

#include <string.h>

static float half_float(uint32_t bits)
{
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

static uint32_t half_bits(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

RT_API float rt_f16_to_f32(uint16_t h)
{
	const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
	const uint32_t rest = (uint32_t)(h & 0x7fffu) << 13;
	const float x = half_float(rest) * half_float(0x77800000u);

	if (rest >= 0x0f800000u)	/* infinity, NaN */
		return half_float(sign | 0x70000000u | rest);
	return half_float(sign | half_bits(x));
}

RT_API uint16_t rt_f32_to_f16(float x)
{
	const uint32_t bits = half_bits(x);
	const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
	uint32_t rest = bits & 0x7fffffffu;

	if (rest > 0x7f800000u)
		return sign | 0x7e00u;
	if (rest >= 0x477ff000u)	/* 65520 rounds to infinity */
		return sign | 0x7c00u;
	if (rest < 0x38800000u) {	/* subnormal: the sum's last bit is 2^-24 */
		const float sum = half_float(rest) + 0.5f;
		return (uint16_t)(sign | (half_bits(sum) - 0x3f000000u));
	}
	rest += 0xfffu + (rest >> 13 & 1u);
	return (uint16_t)(sign | (rest - 0x38000000u) >> 13);
}

RT_API float rt_bf16_to_f32(uint16_t b)
{
	return half_float((uint32_t)b << 16);
}

RT_API uint16_t rt_f32_to_bf16(float x)
{
	const uint32_t bits = half_bits(x);

	if ((bits & 0x7fffffffu) > 0x7f800000u)
		return (uint16_t)(bits >> 16 | 64u);
	return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

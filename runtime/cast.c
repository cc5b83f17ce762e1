/* SPDX-License-Identifier: 0BSD */
/* Conversions to integers that are defined for every value. */
#include "runtime/scalar.h"

/* Both bounds are powers of two, so exact; a float is exact as a double. */
RT_API int32_t rt_f64_to_i32(double x)
{
	if (x != x)
		return 0;
	if (x >= 2147483648.0)
		return INT32_MAX;
	return x < -2147483648.0 ? INT32_MIN : (int32_t)x;
}

RT_API int64_t rt_f64_to_i64(double x)
{
	if (x != x)
		return 0;
	if (x >= 9223372036854775808.0)
		return INT64_MAX;
	return x < -9223372036854775808.0 ? INT64_MIN : (int64_t)x;
}

RT_API int32_t rt_f32_to_i32(float x)
{
	return rt_f64_to_i32((double)x);
}

RT_API int64_t rt_f32_to_i64(float x)
{
	return rt_f64_to_i64((double)x);
}

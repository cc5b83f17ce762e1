/* SPDX-License-Identifier: 0BSD */
/*
 * Scalar functions that C99 lacks: half precision, conversions that are
 * defined for every value, random numbers.
 */
#ifndef RT_SCALAR_H
#define RT_SCALAR_H

#include <stdint.h>

#ifndef RT_API
#define RT_API
#define RT_PROTOTYPES
#endif

#ifdef RT_PROTOTYPES
/* half.c: between float and the 16 bits of IEEE half and of bfloat16; to
 * nearest, ties to even. */
RT_API float rt_f16_to_f32(uint16_t h);
RT_API uint16_t rt_f32_to_f16(float x);
RT_API float rt_bf16_to_f32(uint16_t b);
RT_API uint16_t rt_f32_to_bf16(float x);

/* cast.c: towards zero; out of range gives the nearest integer there is, and
 * NaN gives 0. */
RT_API int32_t rt_f32_to_i32(float x);
RT_API int64_t rt_f32_to_i64(float x);
RT_API int32_t rt_f64_to_i32(double x);
RT_API int64_t rt_f64_to_i64(double x);

/* random.c: a function of its arguments alone. A float in [0, 1), a multiple
 * of 2^-24; and a seed for each step of a run. */
RT_API float rt_uniform(uint32_t seed, uint32_t counter);
RT_API uint32_t rt_mix(uint32_t seed, uint32_t step);
#endif

#endif

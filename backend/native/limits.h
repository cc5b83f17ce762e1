/* Before the runtime's text where it becomes bitcode: what convolutions are at
 * most (runtime/rt.h), a module says when it knows them. */
#ifndef NATIVE_LIMITS_H
#define NATIVE_LIMITS_H

#include <stdint.h>

extern const int32_t rt_depth_stride, rt_conv_stride, rt_conv_span;
extern const int32_t rt_conv_threes, rt_conv_fives, rt_conv_others;
extern const int32_t rt_pads_bare, rt_depth_fives;
extern const int32_t rt_conv_goes_on, rt_product_goes_on;

#define RT_DEPTH_STRIDE rt_depth_stride
#define RT_CONV_STRIDE rt_conv_stride
#define RT_CONV_SPAN rt_conv_span
#define RT_CONV_THREE rt_conv_threes
#define RT_CONV_FIVE rt_conv_fives
#define RT_CONV_OTHER rt_conv_others
#define RT_DEPTH_FIVE rt_depth_fives
#define RT_PADS_BARE rt_pads_bare
#define RT_CONV_GOES_ON rt_conv_goes_on
#define RT_GEMM_GOES_ON rt_product_goes_on

#endif

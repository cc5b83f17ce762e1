/*
 * The same tests for the kernels as a small device gets them: without vector
 * registers, and as one translation unit of static functions, in the order
 * that rt.h gives.
 */
#define RT_PLAIN
#define RT_API static __attribute__((unused))

#include "runtime/gemm_plain.c"
#include "runtime/gemv.c"
#include "runtime/tile.c"
#include "runtime/gemm_tile.c"
#include "runtime/gemm.c"
#include "runtime/gemm_openblas.c"
#include "runtime/plane.c"
#include "runtime/conv_spread.c"
#include "runtime/conv_spread_five.c"
#include "runtime/conv_five.c"
#include "runtime/conv_plain.c"
#include "runtime/conv_row_weight.c"
#include "runtime/conv_plain_weight.c"
#include "runtime/conv_tile.c"
#include "runtime/conv_tile_weight.c"
#include "runtime/conv_depth_three.c"
#include "runtime/conv_depth_spread.c"
#include "runtime/conv_depth_five.c"
#include "runtime/conv_depth_plain.c"
#include "runtime/conv_depth_row.c"
#include "runtime/conv_depth_five_weight.c"
#include "runtime/conv_depth_weight.c"
#include "runtime/conv_depth_tile.c"
#include "runtime/conv_depth.c"
#include "runtime/conv.c"
#include "runtime/conv_s8.c"
#include "runtime/depth_s8.c"
#include "runtime/gemm_s8.c"

#include "tests/runtime/test_gemm.c"
#include "tests/runtime/test_conv.c"
#include "tests/runtime/test_s8.c"

/* The kernels, in the order that rt.h gives: one translation unit, as in an
 * emitted program. */
#include "runtime/rt.h"

#include "runtime/gemm_plain.c"
#include "runtime/gemv.c"
#include "runtime/tile.c"
#include "runtime/gemm_tile.c"
#include "runtime/gemm.c"
#include "runtime/plane.c"
#include "runtime/conv_plain.c"
#include "runtime/conv_plain_weight.c"
#include "runtime/conv_tile.c"
#include "runtime/conv_tile_weight.c"
#include "runtime/conv_depth_plain.c"
#include "runtime/conv_depth_tile.c"
#include "runtime/conv_depth.c"
#include "runtime/conv.c"

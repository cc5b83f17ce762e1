/*
 * The same of the kernels as RISC-V's vectors get them; see test_runtime_rvv.c.
 */
#define __riscv_v_intrinsic 12000
#define __riscv_v_elen_fp 32

#include "tests/runtime/test_conv_order.c"

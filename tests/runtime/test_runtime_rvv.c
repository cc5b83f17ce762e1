/*
 * The tests of test_runtime_plain.c for the kernels as RISC-V's vectors get
 * them, on vectors of this machine's making (lanes/riscv_vector.h). That real
 * instructions give the same bits, tests/bench/mcu finds.
 */
#define __riscv_v_intrinsic 12000
#define __riscv_v_elen_fp 32

#include "tests/runtime/test_runtime_plain.c"

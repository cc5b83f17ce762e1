# Debian's GNU RISC-V compiler with picolibc, and QEMU's virt machine.
set(CORE rv32imafc)
set(CORE_FLAGS "-march=rv32imafc -mabi=ilp32f -misa-spec=2.2 --specs=picolibc.specs")
set(PROCESSOR riscv32)
set(COMPILER riscv64-unknown-elf-gcc)
set(EMULATOR qemu-system-riscv32 -M virt -bios none)
set(BOARD rv32)
include(${CMAKE_CURRENT_LIST_DIR}/bare-metal.cmake)

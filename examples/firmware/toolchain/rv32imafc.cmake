# Debian's GNU RISC-V compiler with picolibc, and QEMU's virt machine.
set(CORE rv32imafc)
set(CORE_FLAGS "-march=rv32imafc -mabi=ilp32f -misa-spec=2.2 --specs=picolibc.specs")
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_ASM_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_C_FLAGS_INIT "${CORE_FLAGS}")
set(CMAKE_ASM_FLAGS_INIT "${CORE_FLAGS}")
set(BOARD rv32)
set(CMAKE_CROSSCOMPILING_EMULATOR
  qemu-system-riscv32 -M virt -bios none -display none -monitor none -serial none
  -chardev stdio,id=log
  -semihosting-config enable=on,target=native,chardev=log -kernel)

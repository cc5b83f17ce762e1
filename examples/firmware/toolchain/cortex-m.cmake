# What the Cortex-M toolchain files share: Debian's GNU Arm compiler, and QEMU
# with the machine that MACHINE names.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "${CORE_FLAGS}")
set(CMAKE_ASM_FLAGS_INIT "${CORE_FLAGS}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-z,noexecstack")
set(BOARD cortex-m)
set(CMAKE_CROSSCOMPILING_EMULATOR
  qemu-system-arm -M ${MACHINE} -display none -monitor none -serial none
  -chardev stdio,id=log
  -semihosting-config enable=on,target=native,chardev=log -kernel)

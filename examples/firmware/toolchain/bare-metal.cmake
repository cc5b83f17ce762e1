# What the toolchain files share: a compiler without an operating system, and
# QEMU, which logs through semihosting. They set PROCESSOR, COMPILER, CORE_FLAGS,
# EMULATOR (with its machine), BOARD and CORE.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR ${PROCESSOR})
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER ${COMPILER})
set(CMAKE_ASM_COMPILER ${COMPILER})
set(CMAKE_C_FLAGS_INIT "${CORE_FLAGS}")
set(CMAKE_ASM_FLAGS_INIT "${CORE_FLAGS}")
set(CMAKE_CROSSCOMPILING_EMULATOR
  ${EMULATOR} -display none -monitor none -serial none
  -chardev stdio,id=log
  -semihosting-config enable=on,target=native,chardev=log -kernel)

# What the Cortex-M toolchain files share: Debian's GNU Arm compiler.
set(PROCESSOR arm)
set(COMPILER arm-none-eabi-gcc)
set(EMULATOR qemu-system-arm -M ${MACHINE})
set(BOARD cortex-m)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-z,noexecstack")
include(${CMAKE_CURRENT_LIST_DIR}/bare-metal.cmake)

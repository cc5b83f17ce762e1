set(CORE cortex-m4)
set(CORE_FLAGS "-mthumb -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16")
set(MACHINE mps2-an386)
include(${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake)

set(CORE cortex-m55)
set(CORE_FLAGS "-mthumb -mcpu=cortex-m55 -mfloat-abi=hard")
set(MACHINE mps3-an547)
include(${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake)

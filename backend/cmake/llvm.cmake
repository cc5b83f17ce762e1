# LLVM, for programs as machine code: its library, and the runtime as bitcode, in
# as many forms as machines make of its text. THIMBLE_LLVM: AUTO, ON or OFF.
set(THIMBLE_LLVM AUTO CACHE STRING
  "compile programs by LLVM 19 (needs llvm-19-dev and clang-19)")
set_property(CACHE THIMBLE_LLVM PROPERTY STRINGS AUTO ON OFF)

file(GLOB LLVM_SOURCES CONFIGURE_DEPENDS backend/llvm_*.c)
list(SORT LLVM_SOURCES)
list(REMOVE_ITEM BACKEND ${LLVM_SOURCES})
if(THIMBLE_LLVM)
  find_program(LLVM_CONFIG llvm-config-19)
  find_program(CLANG clang-19)
endif()
if(NOT THIMBLE_LLVM OR NOT LLVM_CONFIG OR NOT CLANG)
  if(THIMBLE_LLVM AND NOT THIMBLE_LLVM STREQUAL AUTO)
    message(FATAL_ERROR "THIMBLE_LLVM needs llvm-config-19 and clang-19")
  endif()
  message(STATUS "Without LLVM (llvm-19-dev, clang-19): programs are C only")
  return()
endif()
list(REMOVE_ITEM BACKEND ${CMAKE_SOURCE_DIR}/backend/no_llvm.c)
list(APPEND BACKEND ${LLVM_SOURCES})
execute_process(COMMAND ${LLVM_CONFIG} --includedir
  OUTPUT_VARIABLE LLVM_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND ${LLVM_CONFIG} --libdir
  OUTPUT_VARIABLE LLVM_LIBDIR OUTPUT_STRIP_TRAILING_WHITESPACE)
# It is loaded by name when it is first wanted; else from where it is now.
set(LLVM_LIBRARY ${LLVM_LIBDIR}/libLLVM-19.so)
file(REAL_PATH ${LLVM_LIBRARY} llvm_file)
get_filename_component(llvm_name ${llvm_file} NAME)
set_source_files_properties(backend/llvm_load.c PROPERTIES COMPILE_DEFINITIONS
  "LLVM_NAME=\"${llvm_name}\";LLVM_PATH=\"${LLVM_LIBRARY}\"")
# LeakSanitizer now and then ends with a fault where it was loaded late.
if(THIMBLE_SANITIZE)
  set(LLVM_AT_START -Wl,--push-state,--no-as-needed ${LLVM_LIBRARY}
    -Wl,--pop-state)
endif()
set(calling ${LLVM_SOURCES})
file(GLOB LLVM_HEADERS CONFIGURE_DEPENDS backend/llvm_*.h)
list(APPEND calling ${LLVM_HEADERS})
add_custom_command(
  OUTPUT llvm_calls.h llvm_calls.c
  COMMAND ${CMAKE_COMMAND} "-DFILES=${calling}"
          -DOUT=${CMAKE_BINARY_DIR}/llvm_calls
          -P ${CMAKE_SOURCE_DIR}/backend/cmake/llvm_calls.cmake
  DEPENDS ${calling} backend/cmake/llvm_calls.cmake
  VERBATIM)
list(APPEND BACKEND ${CMAKE_BINARY_DIR}/llvm_calls.h
  ${CMAKE_BINARY_DIR}/llvm_calls.c)
# LLVM's headers have prototypes that say nothing of parameters.
include_directories(SYSTEM ${LLVM_INCLUDE})

# All sources are one, in any order. The functions of one number are also bitcode
# of their own.
set(CALLS "")
set(SCALARS "")
set(TEXT "")
foreach(file ${RUNTIME})
  file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR} ${file})
  if(name MATCHES "math_|cast|half|random")
    string(APPEND SCALARS "#include \"${name}\"\n")
  elseif(name MATCHES "store")
    string(APPEND TEXT "#include \"${name}\"\n")
  else()
    string(APPEND CALLS "#include \"${name}\"\n")
  endif()
endforeach()
file(CONFIGURE OUTPUT runtime_whole.c CONTENT
  "#include \"backend/native/limits.h\"\n${CALLS}${TEXT}${SCALARS}")
file(CONFIGURE OUTPUT runtime_scalar.c
  CONTENT
  "#include \"runtime/rt.h\"\n#include \"runtime/s8.h\"\n#include \"backend/native/calls.c\"\n${SCALARS}")

# NAME TRIPLE FLAG...; NAME-scalar: without what is in this process anyway. What only
# microcontrollers have is small from the beginning.
set(MACHINES
  "x86-64 x86_64-pc-linux-gnu -march=x86-64"
  "x86-64-v3 x86_64-pc-linux-gnu -march=x86-64-v3"
  "x86-64-v4 x86_64-pc-linux-gnu -march=x86-64-v4"
  "x86-64-plain x86_64-pc-linux-gnu -march=x86-64 -DRT_PLAIN"
  "x86-64-fused x86_64-pc-linux-gnu -march=x86-64 -DRT_PLAIN -DRT_FUSED=1"
  "x86-64-scalar x86_64-pc-linux-gnu -march=x86-64"
  "aarch64 aarch64-unknown-linux-gnu"
  "aarch64-plain aarch64-unknown-linux-gnu -DRT_PLAIN"
  "aarch64-fused aarch64-unknown-linux-gnu -DRT_PLAIN -DRT_FUSED=1"
  "aarch64-scalar aarch64-unknown-linux-gnu"
  "thumb-plain thumbv7em-none-eabihf -Os -mcpu=cortex-m7 -fshort-enums -DRT_PLAIN -DRT_S8_PAIRS=0"
  "thumb-fused thumbv7em-none-eabihf -Os -mcpu=cortex-m7 -fshort-enums -DRT_PLAIN -DRT_FUSED=1"
  "thumb-helium thumbv8.1m.main-none-eabihf -Os -mcpu=cortex-m55 -fshort-enums -DRT_PLAIN -DRT_FUSED=1"
  "riscv32-plain riscv32-unknown-elf -Os -march=rv32imac -mabi=ilp32 -DRT_PLAIN"
  "riscv32-fused riscv32-unknown-elf -Os -march=rv32imafc -mabi=ilp32f -DRT_PLAIN -DRT_FUSED=1"
  "riscv32-vector riscv32-unknown-elf -Os -march=rv32imafc_zve32f -mabi=ilp32f -DRT_PLAIN -DRT_FUSED=1"
  "riscv64-fused riscv64-unknown-elf -march=rv64gc -mabi=lp64d -mcmodel=medany -DRT_PLAIN -DRT_FUSED=1"
  "riscv64-vector riscv64-unknown-elf -march=rv64gcv -mabi=lp64d -mcmodel=medany -DRT_PLAIN -DRT_FUSED=1")
# The same in every build of the same sources, whatever its flags.
set(THIMBLE_RUNTIME_FROM "" CACHE PATH
  "a finished build, whose bitcode and machine code of the runtime are taken")
set(runtime_built ${CMAKE_BINARY_DIR})
if(THIMBLE_RUNTIME_FROM)
  set(runtime_built ${THIMBLE_RUNTIME_FROM})
  set(MACHINES "")
endif()
set(BITCODE "")
foreach(machine ${MACHINES})
  separate_arguments(machine)
  list(POP_FRONT machine name triple)
  set(source runtime_whole.c)
  if(name MATCHES "scalar")
    set(source runtime_scalar.c)
  endif()
  add_custom_command(
    OUTPUT runtime-${name}.bc
    COMMAND ${CLANG} --target=${triple} -O1 -ffp-contract=off ${machine}
            -std=c11 -fPIC -fno-math-errno -nostdlibinc
            -isystem ${CMAKE_SOURCE_DIR}/backend/libc
            -I${CMAKE_SOURCE_DIR} "-DRT_INLINE=extern inline"
            -c -emit-llvm -o runtime-${name}.bc ${source}
    DEPENDS ${RUNTIME_TEXT} backend/native/calls.c backend/native/calls.def
            backend/native/limits.h ${CMAKE_BINARY_DIR}/${source}
    VERBATIM)
  list(APPEND BITCODE runtime-${name}.bc)
endforeach()
if(BITCODE)
  add_custom_command(
    OUTPUT runtime_bitcode.c
    COMMAND ${CMAKE_COMMAND} "-DFILES=${BITCODE}" -DOUT=runtime_bitcode.c
            -P ${CMAKE_SOURCE_DIR}/backend/cmake/embed_bitcode.cmake
    DEPENDS ${BITCODE} backend/cmake/embed_bitcode.cmake
    VERBATIM)
endif()
list(APPEND BACKEND ${runtime_built}/runtime_bitcode.c)

# What kernels call, for the machines that this one may turn out to be. A call
# costs nothing beside what it computes, and compiling it each time would.
set(NATIVE aarch64)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(NATIVE x86-64 x86-64-v3 x86-64-v4)
endif()
foreach(name ${NATIVE})
  string(MAKE_C_IDENTIFIER ${name} symbol)
  file(CONFIGURE OUTPUT native_${name}.c CONTENT
    "#define RT_API static\n#define RT_PROTOTYPES\n${CALLS}#define NATIVE_NAME \"${name}\"\n\
#define NATIVE native_${symbol}\n#include \"backend/native/table.c\"\n")
  set(flags -O3 $<$<CONFIG:RelWithDebInfo>:-g1> -ffp-contract=fast
    -fno-math-errno -Wno-unused-function)
  if(THIMBLE_SANITIZE)
    list(APPEND flags -fno-sanitize=all)
  endif()
  if(name MATCHES "x86")
    list(APPEND flags -march=${name})
  endif()
  set_source_files_properties(${CMAKE_BINARY_DIR}/native_${name}.c PROPERTIES
    COMPILE_OPTIONS "${flags}")
  list(APPEND NATIVE_SOURCES ${CMAKE_BINARY_DIR}/native_${name}.c)
  list(APPEND NATIVE_OBJECTS
    ${runtime_built}/CMakeFiles/thimble_native.dir/native_${name}.c.o)
  string(APPEND NATIVE_DECLARED "extern const NativeRuntime native_${symbol};\n")
  string(APPEND NATIVE_LISTED "&native_${symbol}, ")
endforeach()
file(CONFIGURE OUTPUT native_list.c CONTENT
  "#include \"backend/llvm_runtime.h\"\n\n${NATIVE_DECLARED}\n\
const NativeRuntime *const native_runtimes[] = {${NATIVE_LISTED}0};\n")
list(APPEND BACKEND ${CMAKE_BINARY_DIR}/native_list.c)
if(THIMBLE_RUNTIME_FROM)
  list(APPEND BACKEND ${NATIVE_OBJECTS})
else()
  add_library(thimble_native OBJECT ${NATIVE_SOURCES})
  list(APPEND BACKEND $<TARGET_OBJECTS:thimble_native>)
endif()

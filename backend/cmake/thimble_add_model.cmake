# thimble_add_model(TARGET <target> MODEL <file.onnx>
#                   [NAME <name>] [STACK <bytes>] [ARGS <argument>...])
#
# Compiles an ONNX model whenever it changes and adds it to <target>, an
# executable or a library that exists; NAME.h is in its include path. NAME, the
# prefix of all symbols, is by default made from the file's name. ARGS are those
# of `thimble compile`:
#
#   thimble_add_model(TARGET firmware MODEL kws.onnx
#     ARGS --loss cross-entropy --optimizer adam --target generic)
#
# With --emit=obj no C compiler sees the model: it is an object for --target.
# With --weights=bin, NAME_weights.bin is in ${CMAKE_CURRENT_BINARY_DIR}/NAME.
# With STACK, NAME.stack.txt is there, and the build fails where a function of
# NAME.h needs more: see thimble_stack.cmake.
function(thimble_add_model)
  cmake_parse_arguments(PARSE_ARGV 0 M "" "TARGET;MODEL;NAME;STACK" "ARGS")
  if(NOT M_TARGET OR NOT M_MODEL)
    message(FATAL_ERROR "thimble_add_model: TARGET and MODEL are needed")
  endif()
  if(M_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "thimble_add_model: unknown argument ${M_UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(model "${M_MODEL}" ABSOLUTE)
  if(NOT M_NAME)
    get_filename_component(M_NAME "${model}" NAME_WLE)
    string(MAKE_C_IDENTIFIER "${M_NAME}" M_NAME)
  endif()
  set(dir "${CMAKE_CURRENT_BINARY_DIR}/${M_NAME}")
  set(sources "${dir}/${M_NAME}.c" "${dir}/${M_NAME}.h")
  set(weights "")
  set(object FALSE)
  if("${M_ARGS}" MATCHES "--emit[=;]obj")
    set(object TRUE)
    set(sources "${dir}/${M_NAME}.o" "${dir}/${M_NAME}.h")
  endif()
  if("${M_ARGS}" MATCHES "--weights[=;]bin")
    set(weights "${dir}/${M_NAME}_weights.bin")
  elseif(NOT object)
    list(APPEND sources "${dir}/${M_NAME}_weights.c")
  endif()
  add_custom_command(
    OUTPUT ${sources} ${weights}
    COMMAND thimble::thimble compile "${model}" -o "${dir}"
            "--name=${M_NAME}" ${M_ARGS}
    DEPENDS "${model}" thimble::thimble
    COMMENT "Compiling ${M_MODEL}"
    VERBATIM)
  # The same numbers on every machine; nobody asks for errno.
  if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    set_source_files_properties(${sources} PROPERTIES
      COMPILE_OPTIONS "-ffp-contract=off;-fno-math-errno")
  endif()
  # LLVM 19 loses the end of some loops whose vectors Helium gathers.
  if(CMAKE_C_COMPILER_ID MATCHES "Clang" AND "${M_ARGS}" MATCHES "cortex-m55")
    set_property(SOURCE ${sources} APPEND PROPERTY COMPILE_OPTIONS
      -mllvm -enable-arm-maskedgatscat=false)
  endif()
  target_sources(${M_TARGET} PRIVATE ${sources})
  target_include_directories(${M_TARGET} PUBLIC "$<BUILD_INTERFACE:${dir}>")
  target_link_libraries(${M_TARGET} PUBLIC m)
  if("${M_ARGS}" MATCHES "--blas[=;]openblas")
    target_link_libraries(${M_TARGET} PUBLIC openblas)
  endif()
  if(M_STACK AND object)
    message(WARNING "thimble_add_model: STACK needs the C")
  elseif(M_STACK)
    thimble_check_stack(${M_TARGET} ${M_NAME} ${M_STACK})
  endif()
endfunction()

# gcc must not give two functions one body (-fipa-icf): it notes only one.
function(thimble_check_stack target name limit)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU" OR
     CMAKE_C_COMPILER_VERSION VERSION_LESS 10)
    message(WARNING "thimble_add_model: STACK needs GCC 10 or later")
    return()
  endif()
  set(dir "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  set_property(SOURCE "${dir}/${name}.c" APPEND PROPERTY
    COMPILE_OPTIONS -fcallgraph-info=su -fno-ipa-icf)
  set(objects "$<TARGET_OBJECTS:${target}>")
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DLIMIT=${limit}
            "-DOBJECTS=$<FILTER:${objects},INCLUDE,/${name}/${name}\\.c\\.>"
            "-DOUT=${dir}/${name}.stack.txt"
            -P "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/thimble_stack.cmake"
    VERBATIM)
endfunction()

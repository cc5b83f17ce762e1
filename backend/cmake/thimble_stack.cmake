# How much stack the functions of a model need, from what gcc notes of each
# function that it compiles, its frame and its calls (-fcallgraph-info=su):
#
#   cmake -DNAME=<name> -DOBJECTS=<NAME.o> -DOUT=<file> [-DLIMIT=<bytes>]
#         -P thimble_stack.cmake
#
# gcc leaves the notes beside the object. OUT has a line for each function NAME_*: the bytes of the deepest chain of
# calls, and the chain. Of what is outside, only the name is known: functions of
# the C library, "callback" for those of the caller; their bytes come on top.
# Fails where there is no bound (recursion, a frame without a fixed size, a
# function of the same file without notes), and where one is above LIMIT.
cmake_minimum_required(VERSION 3.16)

# ---- what the compiler noted ----

# Frames and calls become global properties; `functions` lists what has a frame.
# Of copies that gcc makes of a function under one name, the largest counts.
function(read_notes file)
  file(STRINGS "${file}" lines REGEX "^(node|edge): ")
  foreach(line IN LISTS lines)
    if(line MATCHES "title: \"([^\"]+)\".*n([0-9]+) bytes .([a-z,]+)")
      note_frame("${CMAKE_MATCH_1}" ${CMAKE_MATCH_2} ${CMAKE_MATCH_3})
    elseif(line MATCHES "sourcename: \"([^\"]+)\" targetname: \"([^\"]+)\"")
      set_property(GLOBAL APPEND PROPERTY "calls ${CMAKE_MATCH_1}"
        "${CMAKE_MATCH_2}")
    endif()
  endforeach()
endfunction()

function(note_frame function bytes kind)
  if(kind STREQUAL "dynamic")
    message(FATAL_ERROR "${function}: its frame has no fixed size")
  endif()
  get_property(other GLOBAL PROPERTY "frame ${function}")
  if(NOT other OR bytes GREATER other)
    set_property(GLOBAL PROPERTY "frame ${function}" ${bytes})
  endif()
  set_property(GLOBAL APPEND PROPERTY functions "${function}")
endfunction()

# A function of one file is "file.c:function".
function(note_outside function)
  if(function MATCHES ":")
    message(FATAL_ERROR "${function}: gcc notes no frame; has it the body of "
      "another (-fno-ipa-icf)?")
  endif()
endfunction()

# ---- the deepest chain ----

# Its bytes, its chain, and what is called outside, as properties of `function`.
function(measure function)
  get_property(state GLOBAL PROPERTY "state ${function}")
  if(state STREQUAL "done")
    return()
  elseif(state STREQUAL "under way")
    message(FATAL_ERROR "${function} calls itself: the stack has no bound")
  endif()
  set_property(GLOBAL PROPERTY "state ${function}" "under way")
  get_property(calls GLOBAL PROPERTY "calls ${function}")
  get_property(frame GLOBAL PROPERTY "frame ${function}")
  list(REMOVE_DUPLICATES calls)
  set(most 0)
  set(chain "")
  set(outside "")
  foreach(callee IN LISTS calls)
    get_property(known GLOBAL PROPERTY "frame ${callee}" SET)
    if(NOT known)
      note_outside("${callee}")
      list(APPEND outside "${callee}")
      continue()
    endif()
    measure("${callee}")
    get_property(bytes GLOBAL PROPERTY "bytes ${callee}")
    get_property(more GLOBAL PROPERTY "outside ${callee}")
    list(APPEND outside ${more})
    if(bytes GREATER most)
      set(most ${bytes})
      get_property(chain GLOBAL PROPERTY "chain ${callee}")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES outside)
  math(EXPR bytes "${frame} + ${most}")
  string(REGEX REPLACE "^.*:" "" name "${function}")
  set_property(GLOBAL PROPERTY "bytes ${function}" ${bytes})
  set_property(GLOBAL PROPERTY "chain ${function}" "${name} ${frame}" ${chain})
  set_property(GLOBAL PROPERTY "outside ${function}" ${outside})
  set_property(GLOBAL PROPERTY "state ${function}" "done")
endfunction()

function(line_of function result)
  get_property(bytes GLOBAL PROPERTY "bytes ${function}")
  get_property(chain GLOBAL PROPERTY "chain ${function}")
  get_property(outside GLOBAL PROPERTY "outside ${function}")
  list(JOIN chain ", " chain)
  list(TRANSFORM outside REPLACE "^__indirect_call$" "callback")
  list(SORT outside)
  set(line "${bytes} ${function}: ${chain}")
  if(outside)
    list(JOIN outside ", " outside)
    string(APPEND line "; and in ${outside}")
  endif()
  set(${result} "${line}\n" PARENT_SCOPE)
endfunction()

# ----

foreach(object IN LISTS OBJECTS)
  string(REGEX REPLACE "\\.[a-z]+$" ".ci" file "${object}")
  if(NOT EXISTS "${file}")
    message(FATAL_ERROR "no ${file}: gcc writes it with -fcallgraph-info=su, "
      "not at link time (-flto)")
  endif()
  read_notes("${file}")
endforeach()
get_property(functions GLOBAL PROPERTY functions)
list(FILTER functions INCLUDE REGEX "^${NAME}_")
if(NOT functions)
  message(FATAL_ERROR "no function ${NAME}_* in '${OBJECTS}'")
endif()
set(text "")
foreach(function IN LISTS functions)
  measure("${function}")
  line_of("${function}" line)
  string(APPEND text "${line}")
endforeach()
file(WRITE "${OUT}" "${text}")
foreach(function IN LISTS functions)
  get_property(bytes GLOBAL PROPERTY "bytes ${function}")
  if(LIMIT AND bytes GREATER LIMIT)
    message(FATAL_ERROR "${function} needs ${bytes} bytes of stack, more than "
      "the ${LIMIT} it is given: see ${OUT}")
  endif()
endforeach()

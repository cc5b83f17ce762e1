# Lists which functions of LLVM the FILES call, as the table of their addresses
# that backend/llvm_api.h and llvm_load.c are about: OUT.h, OUT.c.
set(calls "")
foreach(file ${FILES})
  file(READ ${file} text)
  string(REGEX MATCHALL "LLVM[A-Z][A-Za-z0-9]*[(]" found "${text}")
  list(APPEND calls ${found})
endforeach()
list(TRANSFORM calls REPLACE "[(]" "")
list(REMOVE_DUPLICATES calls)
list(SORT calls)

set(macros "")
set(names "")
set(n 0)
foreach(call ${calls})
  string(APPEND macros
    "#define ${call} ((__typeof__(&${call}))llvm_call[${n}])\n")
  string(APPEND names "\t\"${call}\",\n")
  math(EXPR n "${n} + 1")
endforeach()
# What did not change is not written, so that nothing is compiled again.
file(CONFIGURE OUTPUT ${OUT}.h @ONLY CONTENT
  "enum { LLVM_CALLS = ${n} };\n\n${macros}")
file(CONFIGURE OUTPUT ${OUT}.c @ONLY CONTENT
  "#include \"backend/llvm_api.h\"\n\nconst char *const llvm_call_names[] = {\n${names}};\n\
void (*llvm_call[LLVM_CALLS])(void);\n")

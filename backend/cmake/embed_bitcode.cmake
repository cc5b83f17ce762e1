# Writes OUT, a C file with the bytes of FILES, runtime-NAME.bc, as the array
# that backend/llvm_runtime.h declares. Strings, for a compiler reads these forty
# times sooner than numbers; by four bytes, for bitcode is 32-bit words.
set(TEXT "#include \"backend/llvm_runtime.h\"\n\n")
set(TABLE "const RuntimeBitcode runtime_bitcode[] = {\n")
set(N 0)
foreach(file ${FILES})
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)(..)(..)(..)" "\\\\x\\1\\\\x\\2\\\\x\\3\\\\x\\4"
    bytes "${bytes}")
  string(APPEND TEXT "static const unsigned char bytes${N}[] =\n\"${bytes}\";\n")
  string(REGEX REPLACE "runtime-(.*)\\.bc" "\\1" name "${file}")
  string(APPEND TABLE "\t{\"${name}\", bytes${N}, sizeof bytes${N} - 1},\n")
  math(EXPR N "${N} + 1")
endforeach()
file(WRITE ${OUT} "${TEXT}\n${TABLE}\t{0, 0, 0},\n};\n")

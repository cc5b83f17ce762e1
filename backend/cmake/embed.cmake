# Writes OUT, a C file with the text of FILES (a list, relative to ROOT) as the
# array that HEADER declares: ARRAY, e.g. `const RuntimeFile runtime_files[]`,
# which ends with a NULL name.
set(TEXT "#include \"${HEADER}\"\n\n${ARRAY} = {\n")
foreach(file ${FILES})
  file(READ ${ROOT}/${file} source)
  string(REPLACE "\\" "\\\\" source "${source}")
  string(REPLACE "\"" "\\\"" source "${source}")
  string(REPLACE "\n" "\\n\"\n\"" source "${source}")
  string(APPEND TEXT "{\"${file}\",\n\"${source}\"},\n")
endforeach()
string(APPEND TEXT "{0, 0},\n};\n")
file(WRITE ${OUT} "${TEXT}")

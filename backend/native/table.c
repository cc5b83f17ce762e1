/* The end of a file that holds the runtime for one kind of machine: NATIVE. */
#include "backend/llvm_runtime.h"

extern const NativeRuntime NATIVE;

const NativeRuntime NATIVE = {NATIVE_NAME, {
#define CALL(fn) {#fn, (void (*)(void))fn},
#include "backend/native/calls.def"
#undef CALL
}};

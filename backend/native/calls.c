/* Behind runtime/rt.h and s8.h, part of the bitcode of the scalar functions: what kernels
 * call is declared in it, so that LLVM knows how. */
void *const rt_called[] = {
#define CALL(fn) (void *)fn,
#include "backend/native/calls.def"
#undef CALL
};

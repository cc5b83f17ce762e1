/*
 * Programs as machine code in this process, by LLVM. Where thimble is built
 * without it, jit_open() says so.
 */
#ifndef BACKEND_JIT_H
#define BACKEND_JIT_H

#include "ir/frame.h"
#include "ir/plan.h"

typedef struct Jit Jit;

/* False where thimble is built without LLVM, or this machine is not one that
 * it is built for. */
bool jit_available(void);

/* contract: products may be fused with sums. Without a program there are only
 * kernels. NULL after error_at(). */
Jit *jit_open(Unit *, const Program *, bool contract);
/* A function of the program, compiled when it is first asked for, which lives
 * until jit_close(). NULL after error_at(). */
FrameFunction *jit_function(Jit *, const Plan *);
void jit_close(Jit *);

/* Kernels alone, for tests: their parameters are those of emit_c_kernel(). */
typedef void JitKernel(void *const param[]);
bool jit_kernels(Jit *, int n, Kernel *const k[], JitKernel *run[]);

#endif

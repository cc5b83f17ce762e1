/*
 * LLVM's C interface, whose library is loaded when it is first wanted: that takes
 * longer than most of what is done without it. Each function that is called is a
 * macro of its name, which calls through a table (backend/cmake/llvm_calls.cmake
 * writes it from the sources). Nothing may be called before llvm_load().
 */
#ifndef BACKEND_LLVM_API_H
#define BACKEND_LLVM_API_H

#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Object.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

extern void (*llvm_call[])(void);
extern const char *const llvm_call_names[];

/* NULL, or why LLVM cannot be used: until the next dlopen(). */
const char *llvm_load(void);

#include "llvm_calls.h"

#endif

/*
 * The runtime in the forms that CMake makes of its text: LLVM's bitcode, for
 * each kind of machine that compiles it to something else; and what kernels
 * call of it, compiled for the machines that this one may be.
 */
#ifndef BACKEND_LLVM_RUNTIME_H
#define BACKEND_LLVM_RUNTIME_H

#include <stddef.h>

typedef struct RuntimeBitcode {
	const char *name;            /* "x86-64-v4"; the last has none */
	const unsigned char *bytes;
	size_t n;
} RuntimeBitcode;

extern const RuntimeBitcode runtime_bitcode[];

typedef struct NativeRuntime {
	const char *name;
	struct { const char *name; void (*fn)(void); } call[16];
} NativeRuntime;

extern const NativeRuntime *const native_runtimes[];   /* NULL ends it */

#endif

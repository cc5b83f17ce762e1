/*
 * A module of LLVM's: the runtime as bitcode, and what is built beside it. All
 * that includes llvm-c/ is in backend/llvm_*.c.
 */
#ifndef BACKEND_LLVM_MODULE_H
#define BACKEND_LLVM_MODULE_H

#include "backend/c_runtime.h"
#include "backend/llvm_target.h"
#include "ir/plan.h"

typedef struct Module {
	Arena *arena;
	LLVMContextRef context;
	LLVMModuleRef module;
	LLVMBuilderRef at;       /* where the next instruction goes */
	Machine *machine;
	bool contract;           /* in kernels a product may be fused with a
	                          * sum */
	bool wants_size;         /* code that is small, not fast */
	ConvLimits limits;       /* of what kernels call */
	LLVMTypeRef ptr, i1, i8, i16, i32, i64, f32, f64, nothing;
	LLVMTypeRef index;       /* as wide as a pointer */
} Module;

/* With that runtime in it. */
Module *module_create(Arena *, Machine *, const char *runtime,
                      bool contract);
void module_free(Module *);

LLVMTypeRef module_stored(const Module *, DType);    /* an element's type */
LLVMTypeRef module_computed(const Module *, DType);  /* of a number */

LLVMValueRef module_int(const Module *, int64_t);    /* as wide as a pointer */
LLVMValueRef module_int_of(LLVMTypeRef, int64_t);
/* So many bytes behind the pointer. */
LLVMValueRef module_offset(const Module *, LLVMValueRef ptr, int64_t bytes);
/* Bytes that nobody writes; the pointer to them. */
LLVMValueRef module_bytes(const Module *, const void *, int64_t n, int align);
/* A function of the C library's, or of LLVM's own: llvm.sqrt of that type. */
LLVMValueRef module_call_library(const Module *, const char *name,
                                 LLVMTypeRef, LLVMValueRef const arg[], int n);
LLVMValueRef module_call_intrinsic(const Module *, const char *name,
                                   const LLVMTypeRef of[], int nof,
                                   LLVMValueRef const arg[], int n);
/* A function of the runtime's; NULL: there is none of that name. */
LLVMValueRef module_runtime(const Module *, const char *name);
LLVMValueRef module_call(const Module *, LLVMValueRef fn,
                         LLVMValueRef const arg[]);

/* A function with its first block, where the builder then is. */
LLVMValueRef module_function(const Module *, const char *name,
                             LLVMTypeRef result, const LLVMTypeRef param[],
                             int n);
void module_mark(const Module *, LLVMValueRef fn, unsigned index,
                 const char *attribute);

/* A block behind the builder's, in the same function. */
LLVMBasicBlockRef module_block(const Module *, const char *name);
/* What follows is done if the condition holds, up to module_end_if(), which
 * gives the block that it ended in. */
typedef struct If {
	LLVMBasicBlockRef before, after;
} If;
If module_if(const Module *, LLVMValueRef condition);
LLVMBasicBlockRef module_end_if(const Module *, const If *);
/* What follows is done `count` times, one at least, up to module_end_for(), which
 * gives the branch back. */
typedef struct For {
	LLVMBasicBlockRef before, body, after;
	LLVMValueRef i;            /* the number of the time, from 0 */
	int64_t count;
} For;
For module_for(const Module *, int64_t count);
LLVMValueRef module_end_for(const Module *, const For *);

/* Drops what no function that is `kept` needs, and optimizes the rest. */
void module_optimize(Module *);
/* The module's object, to be disposed of. */
LLVMMemoryBufferRef module_object(const Module *);

#endif

/* A step of training in slices, as backend/c_slice.c says. */
#ifndef BACKEND_LLVM_SLICE_H
#define BACKEND_LLVM_SLICE_H

#include "backend/llvm_module.h"

typedef struct LlvmSlices {
	int next;                  /* the next slice's number */
	LLVMValueRef number, part; /* where the context keeps them */
	LLVMValueRef more;         /* what a slice returns */
} LlvmSlices;

/* Around what is one slice. It returns at its end, unless it takes no time. */
If llvm_slice_open(const Module *, const LlvmSlices *);
void llvm_slice_close(const Module *, LlvmSlices *, const If *);
void llvm_slice_go_on(const Module *, LlvmSlices *, const If *);

/* Around a loop over parts, inside of `depth` others, of so many slices; the
 * last of them goes on to the next part. */
typedef struct SlicedFor {
	LLVMBasicBlockRef head, after;
	LLVMValueRef part;         /* its number, as wide as a pointer */
	LLVMValueRef part_at;
	int first;
} SlicedFor;

SlicedFor llvm_sliced_for(const Module *, const LlvmSlices *, int depth,
                          int slices);
void llvm_end_sliced_for(const Module *, LlvmSlices *, const SlicedFor *,
                         int64_t parts);

#endif

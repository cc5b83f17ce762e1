/* The steps of a plan as calls of its kernels. */
#ifndef BACKEND_LLVM_STEPS_H
#define BACKEND_LLVM_STEPS_H

#include "backend/c_steps.h"
#include "backend/llvm_module.h"
#include "backend/llvm_slice.h"

typedef struct LlvmBody LlvmBody;

/* What surrounds the steps knows where the program's memory is. */
struct LlvmBody {
	Module *m;
	const CProgram *c;
	const CFunction *f;
	const Plan *plan;
	LLVMValueRef arena, state, weights;
	const void *function;      /* what the functions below look into */
	/* A scalar of the caller's, an input with a place in the context. */
	LLVMValueRef (*context)(const LlvmBody *, const Value *input);
	/* Where the whole of an input is that the function is fed. */
	LLVMValueRef (*fed)(const LlvmBody *, const Value *input);
	/* Puts `count` examples from number `first` on to `to`; 0: all. */
	void (*feed)(const LlvmBody *, const Value *input, LLVMValueRef to,
	             LLVMValueRef first, int64_t count);
	LlvmSlices *slices;        /* NULL: it runs through */
	/* of a Scan: */
	const LlvmBody *outer;     /* what the node is in, */
	const Node *scan;          /*   the node, */
	LLVMValueRef part;         /*   its part's number, */
	LLVMValueRef part_at;      /*   and an i32 in memory that is the same */
};

void llvm_steps(const LlvmBody *, const CStep step[]);
/* Where the value is. */
LLVMValueRef llvm_address(const LlvmBody *, const Value *);
/* Numbers that the code carries; the pointer to them. */
LLVMValueRef llvm_array(const Module *, const CArray *);

#endif

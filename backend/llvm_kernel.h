/*
 * Kernels as LLVM's functions: the same parameters, the same statements in the
 * same order as in C, so the same bits where nothing is contracted.
 */
#ifndef BACKEND_LLVM_KERNEL_H
#define BACKEND_LLVM_KERNEL_H

#include "backend/c_kernel.h"
#include "backend/llvm_module.h"

typedef struct LlvmKernel {
	Module *m;
	const CKernel *c;
	LLVMValueRef fn;
	LLVMValueRef *loop;   /* by loop: its variable; NULL: it is 0 */
	LLVMValueRef *var;    /* by scalar variable: where it is kept, */
	LLVMValueRef *column; /*   and if columns have one each, all of them */
	int elements, lanes;  /* this loop's variable counts elements, of which
	                       * an iteration has so many; 0: none does */
} LlvmKernel;

/* Defines the function, to be called with a pointer per parameter. */
LLVMValueRef llvm_kernel(Module *, const CKernel *, const char *name);

/* A statement, without those that follow it. */
void llvm_put_stmt(LlvmKernel *, const Stmt *);
/* Makes one vector of the loop, which runs so many times and ends there. */
void llvm_hint_lanes(const Module *, LLVMValueRef branch, int lanes);

/* llvm_columns.c: loops of which so many iterations run side by side. */
enum { LLVM_COLUMNS = 8 };
bool llvm_is_columns(const LlvmKernel *, const Stmt *loop);
/* Its variables, if it is one; then the loop. */
bool llvm_add_columns(LlvmKernel *, const Stmt *loop);
void llvm_put_columns(LlvmKernel *, const Stmt *loop);

/* llvm_expr.c */
LLVMValueRef llvm_expr(const LlvmKernel *, const Expr *);
/* The index, as wide as a pointer. */
LLVMValueRef llvm_index(const LlvmKernel *, const Index *);
/* Whether all guards that may fail hold; NULL: none may. */
LLVMValueRef llvm_guards(const LlvmKernel *, const Access *);
/* Where the element is, and what makes a number of it and back. */
LLVMValueRef llvm_element(const LlvmKernel *, const Value *, DType,
                          const Index *);
LLVMValueRef llvm_widen(const Module *, DType, LLVMValueRef stored);
LLVMValueRef llvm_narrow(const Module *, DType, LLVMValueRef number);
LLVMValueRef llvm_number(const Module *, DType, Scalar);
LLVMValueRef llvm_float_op(const Module *, LLVMOpcode, LLVMValueRef,
                           LLVMValueRef);

/* llvm_scalar.c: the operations of ir/scalar.def. */
LLVMValueRef llvm_scalar(const Module *, const Expr *, LLVMValueRef arg[]);

#endif

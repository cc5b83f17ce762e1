/*
 * NAME.h's functions as LLVM's. What C takes from the header, the layout of its
 * structs, is here said again, as types.
 */
#ifndef BACKEND_LLVM_PROGRAM_H
#define BACKEND_LLVM_PROGRAM_H

#include "backend/c_program.h"
#include "backend/c_slice.h"
#include "backend/llvm_steps.h"

/* In the order of NAME_status. */
typedef enum Status {
	STATUS_OK, STATUS_NULL, STATUS_SIZE, STATUS_ALIGN, STATUS_STORAGE,
	STATUS_CORRUPT, STATUS_MODEL, STATUS_LAYOUT, STATUS_VERSION,
	STATUS_EMPTY, STATUS_LOADED_WEIGHTS, STATUS_MORE, STATUS_BUSY,
} Status;

typedef struct LlvmProgram {
	Module *m;
	const CProgram *c;
	LLVMTypeRef context;         /* NAME_t, and which fields are where */
	unsigned weights, step, seed, step_seed, slice, part, hyper;
	LLVMTypeRef status;          /* an enumeration */
} LlvmProgram;

LlvmProgram llvm_program(Module *, const CProgram *);

/* A pointer to a field of the context k, and what is there. */
LLVMValueRef llvm_field(const LlvmProgram *, LLVMValueRef k, unsigned field);
LLVMValueRef llvm_get(const LlvmProgram *, LLVMValueRef k, unsigned field,
                      LLVMTypeRef);
enum { FIELD_ARENA, FIELD_STATE };

/* NAME_verb, visible from outside; it returns a status. */
LLVMValueRef llvm_function(const LlvmProgram *, const char *verb,
                           const LLVMTypeRef param[], int n);
void llvm_return(const LlvmProgram *, Status);
void llvm_return_if(const LlvmProgram *, LLVMValueRef condition, Status);
void llvm_return_if_null(const LlvmProgram *, LLVMValueRef pointer);
/* As every function but init begins: is k one that init made? */
void llvm_check_context(const LlvmProgram *, LLVMValueRef k);

/* llvm_function.c: training, inference, evaluation. */
void llvm_put_functions(const LlvmProgram *, const CStep *const step[]);
/* llvm_init.c */
void llvm_put_init(const LlvmProgram *);
/* Its first contents, over zeros. */
void llvm_put_variable(const LlvmProgram *, LLVMValueRef k, const Variable *);
/* llvm_tables.c: NAME_params; texts and tables in general. */
void llvm_put_params(const LlvmProgram *);
LLVMValueRef llvm_string(const Module *, const char *);
LLVMValueRef llvm_table(const Module *, const char *name, LLVMTypeRef,
                        LLVMValueRef row[], int n);
/* llvm_save.c: save, load, inspect. */
void llvm_put_save(const LlvmProgram *);

#endif

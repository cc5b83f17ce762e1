/* Targets as LLVM knows them. */
#ifndef BACKEND_LLVM_TARGET_H
#define BACKEND_LLVM_TARGET_H

#include "ir/arena.h"
#include "ir/target.h"

#include <llvm-c/TargetMachine.h>

typedef struct Machine {
	const char *triple, *cpu, *features;
	const char *runtime;         /* which of the bitcodes is for it */
	const char *scalar;          /* and which, without what kernels call */
	LLVMTargetMachineRef llvm;
} Machine;

/* What `core` is; NULL: this machine. Numbers are those of `like`. */
Machine *machine_create(Arena *, const Core *core, const Core *like);
void machine_free(Machine *);

#endif

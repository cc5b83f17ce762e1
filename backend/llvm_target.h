/* Targets as LLVM knows them. */
#ifndef BACKEND_LLVM_TARGET_H
#define BACKEND_LLVM_TARGET_H

#include "backend/llvm_api.h"
#include "ir/arena.h"
#include "ir/diag.h"
#include "ir/target.h"

typedef struct Machine {
	const char *triple, *cpu, *features;
	const char *runtime;         /* which of the bitcodes is for it */
	const char *scalar;          /* and which, without what kernels call;
	                              * NULL: no process runs there */
	LLVMTargetMachineRef llvm;
} Machine;

/* What `core` is; NULL: this machine. Numbers are those of `like`. NULL after
 * error_at(): the runtime is not there for it. */
Machine *machine_create(Unit *, Arena *, const Core *core, const Core *like);
/* Whether there is the runtime for processes on this machine. */
bool machine_is_host_known(void);
void machine_free(Machine *);

#endif

#include "backend/llvm_api.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* An object pointer is no function pointer in C; in POSIX it may hold one. */
static void (*function_of(void *library, const char *name))(void)
{
	void *symbol = dlsym(library, name);
	void (*function)(void);
	memcpy(&function, &symbol, sizeof function);
	return function;
}

/* Of the machines that the runtime is compiled for, those that this LLVM has.
 * Parsers, since kernels have single instructions. */
static void start_machines(void *library)
{
	static const char *const machine[] = {"X86", "AArch64", "ARM", "RISCV"};
	static const char *const part[] = {"TargetInfo", "Target", "TargetMC",
	                                   "AsmPrinter", "AsmParser"};
	for (size_t i = 0; i < sizeof machine / sizeof *machine; i++)
		for (size_t k = 0; k < sizeof part / sizeof *part; k++) {
			char name[64];
			snprintf(name, sizeof name, "LLVMInitialize%s%s",
			         machine[i], part[k]);
			void (*start)(void) = function_of(library, name);
			if (start)
				start();
		}
}

static const char *load(void)
{
	void *library = dlopen(LLVM_NAME, RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		library = dlopen(LLVM_PATH, RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		return dlerror();
	for (int i = 0; i < LLVM_CALLS; i++) {
		llvm_call[i] = function_of(library, llvm_call_names[i]);
		if (!llvm_call[i])
			return dlerror();
	}
	start_machines(library);
	return NULL;
}

const char *llvm_load(void)
{
	static bool loaded;
	const char *why = loaded ? NULL : load();
	loaded = !why;
	return why;
}

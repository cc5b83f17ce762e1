#include "backend/llvm_target.h"

#include <string.h>

static const char *kept(Arena *a, char *message)
{
	const char *copy = arena_printf(a, "%s", message);
	LLVMDisposeMessage(message);
	return copy;
}

/* thumbv7em-none-eabihf unnormalised has no environment, and so another ABI. */
static const char *normal_triple(Arena *a, const char *triple)
{
	return kept(a, LLVMNormalizeTargetTriple(triple));
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool has(const char *features, const char *one)
{
	size_t n = strlen(one);
	for (const char *s = features; (s = strstr(s, one)); s += n)
		if (s[n] == ',' || !s[n])
			return true;
	return false;
}

/* The runtime asks its compiler how wide vectors are. */
static const char *x86_runtime(const Machine *m)
{
	if (!strcmp(m->cpu, "x86-64-v4") || has(m->features, "+avx512vl"))
		return "x86-64-v4";
	if (!strcmp(m->cpu, "x86-64-v3") || has(m->features, "+avx2"))
		return "x86-64-v3";
	return "x86-64";
}

/* name, or its form for a device with such numbers. */
static const char *runtime_like(Arena *a, const char *name, const Core *like)
{
	return !like->plain ? name
	     : arena_printf(a, "%s-%s", name, like->fused ? "fused" : "plain");
}

static const char *runtime_of(Arena *a, const Machine *m, const Core *like)
{
	if (begins(m->triple, "thumb") && has(m->features, "+mve.fp"))
		return "thumb-helium";
	if (begins(m->triple, "thumb"))
		return runtime_like(a, "thumb", like);
	if (begins(m->triple, "riscv32"))
		return has(m->features, "+zve32f") ? "riscv32-vector"
		     : has(m->features, "+f") ? "riscv32-fused"
		                              : "riscv32-plain";
	if (begins(m->triple, "riscv64"))
		return has(m->features, "+v") ? "riscv64-vector"
		                              : "riscv64-fused";
	if (begins(m->triple, "aarch64"))
		return runtime_like(a, "aarch64", like);
	if (begins(m->triple, "x86_64"))
		return like->plain ? runtime_like(a, "x86-64", like)
		                   : x86_runtime(m);
	return NULL;
}

static const char *scalar_of(const char *triple)
{
	return begins(triple, "x86_64") ? "x86-64-scalar"
	     : begins(triple, "aarch64") ? "aarch64-scalar" : NULL;
}

bool machine_is_host_known(void)
{
	if (llvm_load())
		return false;
	char *triple = LLVMGetDefaultTargetTriple();
	bool known = scalar_of(triple) != NULL;
	LLVMDisposeMessage(triple);
	return known;
}

/* LLVM 19 loses the end of some loops whose vectors Helium gathers. Options of
 * LLVM are the process's, and may be given once. */
static void gather_by_scalars(void)
{
	static bool done;
	const char *const words[] = {"thimble", "-enable-arm-maskedgatscat=false"};
	if (done || !LLVMGetTargetFromName("arm"))
		return;
	LLVMParseCommandLineOptions(2, words, NULL);
	done = true;
}

static bool start_llvm(Unit *u)
{
	const char *why = llvm_load();
	if (why) {
		error_at(u, (Loc){0}, "LLVM cannot be loaded: %s", why);
		return false;
	}
	gather_by_scalars();
	return true;
}

static LLVMTargetMachineRef open_machine(const Machine *m, const Core *core)
{
	LLVMTargetRef target;
	char *why = NULL;
	if (LLVMGetTargetFromTriple(m->triple, &target, &why))
		BUG("LLVM has no %s: %s", m->triple, why);
	LLVMTargetMachineOptionsRef o = LLVMCreateTargetMachineOptions();
	LLVMTargetMachineOptionsSetCPU(o, m->cpu);
	LLVMTargetMachineOptionsSetFeatures(o, m->features);
	if (core && core->abi)
		LLVMTargetMachineOptionsSetABI(o, core->abi);
	LLVMTargetMachineOptionsSetCodeGenOptLevel(
		o, core && core->plain ? LLVMCodeGenLevelDefault
		                       : LLVMCodeGenLevelAggressive);
	LLVMTargetMachineOptionsSetRelocMode(
		o, core && core->plain ? LLVMRelocStatic : LLVMRelocPIC);
	/* RAM is mostly beyond the lowest 2 GiB, where less finds nothing. */
	if (begins(m->triple, "riscv64"))
		LLVMTargetMachineOptionsSetCodeModel(o, LLVMCodeModelMedium);
	LLVMTargetMachineRef machine =
		LLVMCreateTargetMachineWithOptions(target, m->triple, o);
	LLVMDisposeTargetMachineOptions(o);
	return machine;
}

Machine *machine_create(Unit *u, Arena *a, const Core *core, const Core *like)
{
	Machine *m = arena_new(a, Machine);
	bool here = !core || !core->cpu;
	if (!start_llvm(u))
		return NULL;
	m->triple = core && core->triple
	            ? normal_triple(a, core->triple)
	            : kept(a, LLVMGetDefaultTargetTriple());
	m->cpu = here ? kept(a, LLVMGetHostCPUName()) : core->cpu;
	m->features = here ? kept(a, LLVMGetHostCPUFeatures())
	            : core->features ? core->features : "";
	m->runtime = runtime_of(a, m, like);
	m->scalar = scalar_of(m->triple);
	if (!m->runtime || (here && !m->scalar)) {
		error_at(u, (Loc){0}, "there is no machine code for %s, only "
		         "for x86-64, AArch64, Thumb and RISC-V; there is C",
		         m->triple);
		return NULL;
	}
	m->llvm = open_machine(m, core);
	return m;
}

void machine_free(Machine *m)
{
	LLVMDisposeTargetMachine(m->llvm);
}

/*
 * The JIT: the functions of a program as object code in memory, each linked
 * into this process when it is first asked for.
 */
#include "backend/jit.h"

#include "backend/llvm_kernel.h"
#include "backend/llvm_runtime.h"
#include "backend/llvm_steps.h"
#include "ir/feed.h"
#include "ir/memo.h"

#include <stddef.h>
#include <string.h>

struct Jit {
	Arena *arena;
	Unit *unit;
	CProgram *c;
	CStep *step[3];              /* of c->fn */
	FrameFunction *function[3];  /* NULL: not yet */
	bool contract;
	Machine *machine;
	const char *runtime;         /* the bitcode that modules begin with */
	LLVMOrcLLJITRef orc;
};

bool jit_available(void)
{
	return machine_is_host_known();
}

/* ---- what a frame has ---- */

static LLVMValueRef frame_of(const LlvmBody *b)
{
	return LLVMGetParam((LLVMValueRef)(uintptr_t)b->function, 0);
}

static LLVMValueRef frame_pointer(const LlvmBody *b, size_t offset)
{
	return LLVMBuildLoad2(b->m->at, b->m->ptr, module_offset(
		b->m, frame_of(b), (int64_t)offset), "");
}

static LLVMValueRef context(const LlvmBody *b, const Value *input)
{
	size_t at = 0;
	if (input->role == IN_STEP)
		at = offsetof(Frame, step);
	if (input->role == IN_SEED)
		at = offsetof(Frame, step_seed);
	for (int i = 0; i < b->c->nhypers; i++)
		if (!strcmp(b->c->hyper[i].onnx, input->name))
			at = offsetof(Frame, hyper) + sizeof(float) * (size_t)i;
	if (!at)
		BUG("input %%%s is not in the frame", input->name);
	return module_offset(b->m, frame_of(b), (int64_t)at);
}

/* Outputs come behind the inputs. */
static int data_number(const Graph *g, const Value *v)
{
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i] == v)
			return i;
	for (int i = 0; i < g->noutputs; i++)
		if (value_viewed(g->output[i].value) == v)
			return g->ninputs + i;
	BUG("%%%s is neither input nor output", v->name);
}

static LLVMValueRef fed(const LlvmBody *b, const Value *data)
{
	int i = data_number(b->f->plan->graph, data);
	LLVMValueRef list = frame_pointer(b, offsetof(Frame, fed));
	return LLVMBuildLoad2(b->m->at, b->m->ptr, module_offset(
		b->m, list, i * (int64_t)sizeof(void *)), "");
}

static void feed(const LlvmBody *b, const Value *input, LLVMValueRef to,
                 LLVMValueRef first, int64_t count)
{
	const Module *m = b->m;
	int64_t unit = feed_unit(b->c->p, input->name) *
	               dtype_size(input->dtype);
	LLVMValueRef by = LLVMBuildNSWMul(m->at, first, module_int(m, unit), "");
	LLVMValueRef from = LLVMBuildInBoundsGEP2(m->at, m->i8, fed(b, input),
	                                          &by, 1, "");
	LLVMBuildMemCpy(m->at, to, 1, from, 1, module_int(m, count * unit));
}

/* ---- linking ---- */

static bool fail(Jit *j, LLVMErrorRef bad)
{
	char *why = LLVMGetErrorMessage(bad);
	error_at(j->unit, (Loc){0}, "cannot load the compiled program: %s",
	         why);
	LLVMDisposeErrorMessage(why);
	return false;
}

static LLVMMemoryBufferRef object_of(Module *m)
{
	module_optimize(m);
	return module_object(m);
}

static bool add_object(Jit *j, LLVMMemoryBufferRef object)
{
	LLVMErrorRef bad = LLVMOrcLLJITAddObjectFile(
		j->orc, LLVMOrcLLJITGetMainJITDylib(j->orc), object);
	return !bad || fail(j, bad);
}

static void *find(Jit *j, const char *name)
{
	LLVMOrcExecutorAddress at;
	LLVMErrorRef bad = LLVMOrcLLJITLookup(j->orc, &at, name);
	if (!bad)
		return (void *)(uintptr_t)at;
	fail(j, bad);
	return NULL;
}

/* ---- functions ---- */

static void *compile(Jit *j, int f)
{
	CFunction *fn = &j->c->fn[f];
	Arena *scratch = arena_create();
	Module *m = module_create(scratch, j->machine, j->runtime,
	                          j->contract);
	const char *name = arena_printf(j->arena, "thimble_%s", fn->name);
	LLVMValueRef run = module_function(m, name, m->nothing, &m->ptr, 1);
	LlvmBody b = {
		.m = m, .c = j->c, .f = fn, .plan = fn->plan,
		.context = context, .fed = fed, .feed = feed,
		.function = run,
	};
	b.arena = frame_pointer(&b, offsetof(Frame, arena));
	b.state = frame_pointer(&b, offsetof(Frame, state));
	b.weights = frame_pointer(&b, offsetof(Frame, weights));
	llvm_steps(&b, j->step[f]);
	LLVMBuildRetVoid(m->at);
	LLVMMemoryBufferRef object = object_of(m);
	module_free(m);
	arena_destroy(scratch);
	return add_object(j, object) ? find(j, name) : NULL;
}

/* ISO C has no cast from a data pointer to a function's; POSIX has equal
 * representations. */
FrameFunction *jit_function(Jit *j, const Plan *plan)
{
	int f = 0;
	while (f < j->c->nfns && j->c->fn[f].plan != plan)
		f++;
	if (f == j->c->nfns)
		BUG("'%s' is no function of the program", plan->graph->name);
	if (!j->function[f]) {
		void *code = compile(j, f);
		memcpy(&j->function[f], &code, sizeof code);
	}
	return j->function[f];
}

/* p[0], p[1], ... are the kernel's parameters. */
static void call_kernel(Module *m, LLVMValueRef kernel, const char *name)
{
	LLVMValueRef arg[32];
	unsigned n = LLVMCountParams(kernel);
	LLVMValueRef run = module_function(m, name, m->nothing, &m->ptr, 1);
	for (unsigned i = 0; i < n; i++)
		arg[i] = LLVMBuildLoad2(m->at, m->ptr, module_offset(
			m, LLVMGetParam(run, 0),
			(int64_t)(i * sizeof(void *))), "");
	LLVMBuildCall2(m->at, LLVMGlobalGetValueType(kernel), kernel, arg, n,
	               "");
	LLVMBuildRetVoid(m->at);
}

bool jit_kernels(Jit *j, int n, Kernel *const k[], JitKernel *run[])
{
	Arena *scratch = arena_create();
	Module *m = module_create(scratch, j->machine, j->runtime,
	                          j->contract);
	bool good = true;
	for (int i = 0; i < n; i++)
		call_kernel(m, llvm_kernel(m, c_kernel(scratch, k[i], NULL),
		                           "kernel"),
		            arena_printf(scratch, "run_%d", i));
	LLVMMemoryBufferRef object = object_of(m);
	good = add_object(j, object);
	module_free(m);
	for (int i = 0; i < n && good; i++) {
		void *code = find(j, arena_printf(scratch, "run_%d", i));
		memcpy(&run[i], &code, sizeof code);
		good = code != NULL;
	}
	arena_destroy(scratch);
	return good;
}

/* ---- the program ---- */

/* Steps are named by printing them: what reads the same is the same. */
static void find_steps(Jit *j)
{
	Memo m;
	memo_open(&m);
	c_put_kernels(&(Writer){.out = m.f, .arena = j->arena}, j->c, j->step);
	memo_close(&m, j->arena);
}

static const NativeRuntime *find_native(const char *name)
{
	const NativeRuntime *const *r = native_runtimes;
	while (*r && strcmp((*r)->name, name))
		r++;
	return *r;
}

/* Tells the linker where the functions are, so that bitcode need not have them:
 * these are compiled with contraction. */
static LLVMErrorRef use_native(Jit *j)
{
	const NativeRuntime *r = find_native(j->machine->runtime);
	LLVMOrcCSymbolMapPair pair[sizeof r->call / sizeof r->call[0]];
	size_t n = 0;
	j->runtime = j->machine->runtime;
	if (!r || !j->contract)
		return NULL;
	j->runtime = j->machine->scalar;
	for (; n < sizeof pair / sizeof pair[0] && r->call[n].name; n++) {
		void *at;
		memcpy(&at, &r->call[n].fn, sizeof at);
		pair[n].Name = LLVMOrcLLJITMangleAndIntern(j->orc,
		                                           r->call[n].name);
		pair[n].Sym = (LLVMJITEvaluatedSymbol){
			(uintptr_t)at, {LLVMJITSymbolGenericFlagsCallable, 0}};
	}
	return LLVMOrcJITDylibDefine(
		LLVMOrcLLJITGetMainJITDylib(j->orc),
		LLVMOrcAbsoluteSymbols(pair, n));
}

static LLVMErrorRef open_orc(Jit *j)
{
	LLVMOrcDefinitionGeneratorRef here;
	LLVMErrorRef bad = LLVMOrcCreateLLJIT(&j->orc, NULL);
	if (bad)
		return bad;
	bad = LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
		&here, LLVMOrcLLJITGetGlobalPrefix(j->orc), NULL, NULL);
	if (bad)
		return bad;
	LLVMOrcJITDylibAddGenerator(LLVMOrcLLJITGetMainJITDylib(j->orc), here);
	return use_native(j);
}

Jit *jit_open(Unit *u, const Program *p, bool contract)
{
	static const EmitOptions options = {.no_weights = true};
	Arena *a = arena_create();
	Jit *j = arena_new(a, Jit);
	*j = (Jit){.arena = a, .unit = u, .contract = contract};
	j->machine = machine_create(
		u, a, NULL, target_or_host(p ? p->target : NULL)->core);
	if (!j->machine) {
		arena_destroy(a);
		return NULL;
	}
	LLVMErrorRef bad = open_orc(j);
	if (p) {
		j->c = c_program(a, p, &options);
		find_steps(j);
	}
	if (!bad)
		return j;
	fail(j, bad);
	jit_close(j);
	return NULL;
}

void jit_close(Jit *j)
{
	LLVMErrorRef bad = j->orc ? LLVMOrcDisposeLLJIT(j->orc) : NULL;
	if (bad)
		LLVMConsumeError(bad);
	machine_free(j->machine);
	arena_destroy(j->arena);
}

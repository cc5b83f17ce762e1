#include "backend/llvm_module.h"

#include "backend/llvm_runtime.h"

#include <string.h>

/* ---- the runtime ---- */

static const RuntimeBitcode *find_bitcode(const char *name)
{
	const RuntimeBitcode *r = runtime_bitcode;
	while (r->name && strcmp(r->name, name))
		r++;
	if (!r->name)
		BUG("no runtime for %s", name);
	return r;
}

static LLVMModuleRef read_runtime(const Module *m, const char *name)
{
	const RuntimeBitcode *r = find_bitcode(name);
	LLVMMemoryBufferRef bytes = LLVMCreateMemoryBufferWithMemoryRange(
		(const char *)r->bytes, r->n, r->name, false);
	LLVMModuleRef module;
	if (LLVMParseBitcodeInContext2(m->context, bytes, &module))
		BUG("the runtime for %s is no bitcode", r->name);
	LLVMDisposeMemoryBuffer(bytes);
	return module;
}

LLVMValueRef module_runtime(const Module *m, const char *name)
{
	return LLVMGetNamedFunction(m->module, name);
}

/* ---- types ---- */

static void find_types(Module *m)
{
	LLVMContextRef c = m->context;
	m->ptr = LLVMPointerTypeInContext(c, 0);
	m->i1 = LLVMInt1TypeInContext(c);
	m->i8 = LLVMInt8TypeInContext(c);
	m->i16 = LLVMInt16TypeInContext(c);
	m->i32 = LLVMInt32TypeInContext(c);
	m->i64 = LLVMInt64TypeInContext(c);
	m->f32 = LLVMFloatTypeInContext(c);
	m->f64 = LLVMDoubleTypeInContext(c);
	m->nothing = LLVMVoidTypeInContext(c);
	LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(m->machine->llvm);
	m->index = LLVMPointerSize(layout) == 8 ? m->i64 : m->i32;
	LLVMSetModuleDataLayout(m->module, layout);
	LLVMDisposeTargetData(layout);
}

LLVMTypeRef module_stored(const Module *m, DType t)
{
	switch (t) {
	case DT_F32:
		return m->f32;
	case DT_F64:
		return m->f64;
	case DT_I32: case DT_U32:
		return m->i32;
	case DT_I64: case DT_U64:
		return m->i64;
	case DT_I16: case DT_U16: case DT_F16: case DT_BF16:
		return m->i16;
	default:
		return m->i8;
	}
}

LLVMTypeRef module_computed(const Module *m, DType t)
{
	return module_stored(m, compute_type(t));
}

/* ---- values ---- */

LLVMValueRef module_int_of(LLVMTypeRef type, int64_t x)
{
	return LLVMConstInt(type, (unsigned long long)x, true);
}

LLVMValueRef module_int(const Module *m, int64_t x)
{
	return module_int_of(m->index, x);
}

LLVMValueRef module_offset(const Module *m, LLVMValueRef ptr, int64_t bytes)
{
	LLVMValueRef at = module_int(m, bytes);
	return bytes ? LLVMBuildInBoundsGEP2(m->at, m->i8, ptr, &at, 1, "")
	             : ptr;
}

LLVMValueRef module_bytes(const Module *m, const void *data, int64_t n,
                          int align)
{
	LLVMValueRef x = LLVMConstStringInContext2(m->context, data, (size_t)n,
	                                           true);
	LLVMValueRef g = LLVMAddGlobal(m->module, LLVMTypeOf(x), "");
	LLVMSetInitializer(g, x);
	LLVMSetGlobalConstant(g, true);
	LLVMSetLinkage(g, LLVMPrivateLinkage);
	LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
	LLVMSetAlignment(g, (unsigned)align);
	return g;
}

/* ---- functions ---- */

void module_mark(const Module *m, LLVMValueRef fn, unsigned index,
                 const char *name)
{
	unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
	LLVMAddAttributeAtIndex(fn, index,
	                        LLVMCreateEnumAttribute(m->context, kind, 0));
}

LLVMValueRef module_function(const Module *m, const char *name,
                             LLVMTypeRef result, const LLVMTypeRef param[],
                             int n)
{
	LLVMTypeRef *types = arena_array(m->arena, LLVMTypeRef, n + 1);
	for (int i = 0; i < n; i++)
		types[i] = param[i];
	LLVMTypeRef type = LLVMFunctionType(result, types, (unsigned)n, false);
	LLVMValueRef fn = LLVMAddFunction(m->module, name, type);
	module_mark(m, fn, (unsigned)LLVMAttributeFunctionIndex, "nounwind");
	LLVMPositionBuilderAtEnd(
		m->at, LLVMAppendBasicBlockInContext(m->context, fn, ""));
	return fn;
}

LLVMBasicBlockRef module_block(const Module *m, const char *name)
{
	LLVMBasicBlockRef now = LLVMGetInsertBlock(m->at);
	LLVMBasicBlockRef next = LLVMGetNextBasicBlock(now);
	if (next)
		return LLVMInsertBasicBlockInContext(m->context, next, name);
	return LLVMAppendBasicBlockInContext(
		m->context, LLVMGetBasicBlockParent(now), name);
}

If module_if(const Module *m, LLVMValueRef condition)
{
	If s = {.before = LLVMGetInsertBlock(m->at)};
	LLVMBasicBlockRef then = module_block(m, "then");
	LLVMPositionBuilderAtEnd(m->at, then);
	s.after = module_block(m, "after");
	LLVMPositionBuilderAtEnd(m->at, s.before);
	LLVMBuildCondBr(m->at, condition, then, s.after);
	LLVMPositionBuilderAtEnd(m->at, then);
	return s;
}

LLVMBasicBlockRef module_end_if(const Module *m, const If *s)
{
	LLVMBasicBlockRef last = LLVMGetInsertBlock(m->at);
	LLVMBuildBr(m->at, s->after);
	LLVMPositionBuilderAtEnd(m->at, s->after);
	return last;
}

For module_for(const Module *m, int64_t count)
{
	For s = {.before = LLVMGetInsertBlock(m->at), .count = count};
	s.body = module_block(m, "for");
	LLVMBuildBr(m->at, s.body);
	LLVMPositionBuilderAtEnd(m->at, s.body);
	s.after = module_block(m, "done");
	s.i = LLVMBuildPhi(m->at, m->index, "");
	return s;
}

LLVMValueRef module_end_for(const Module *m, const For *s)
{
	LLVMValueRef next = LLVMBuildNSWAdd(m->at, s->i, module_int(m, 1), "");
	LLVMValueRef more = LLVMBuildICmp(m->at, LLVMIntNE, next,
	                                  module_int(m, s->count), "");
	LLVMValueRef value[] = {module_int(m, 0), next};
	LLVMBasicBlockRef from[] = {s->before, LLVMGetInsertBlock(m->at)};
	LLVMAddIncoming(s->i, value, from, 2);
	LLVMValueRef branch = LLVMBuildCondBr(m->at, more, s->body, s->after);
	LLVMPositionBuilderAtEnd(m->at, s->after);
	return branch;
}

/* How narrow integers are extended is said at the call, too. */
static void copy_attributes(LLVMValueRef call, LLVMValueRef fn, unsigned index)
{
	LLVMAttributeRef list[32];
	unsigned n = LLVMGetAttributeCountAtIndex(fn, index);
	if (n > sizeof list / sizeof list[0])
		BUG("a function with %u attributes", n);
	LLVMGetAttributesAtIndex(fn, index, list);
	for (unsigned i = 0; i < n; i++)
		LLVMAddCallSiteAttribute(call, index, list[i]);
}

LLVMValueRef module_call(const Module *m, LLVMValueRef fn,
                         LLVMValueRef const arg[])
{
	unsigned n = LLVMCountParams(fn);
	LLVMValueRef args[32];
	if (n > sizeof args / sizeof args[0])
		BUG("a call with %u arguments", n);
	memcpy(args, arg, sizeof *args * n);
	LLVMValueRef call = LLVMBuildCall2(
		m->at, LLVMGlobalGetValueType(fn), fn, args, n, "");
	for (unsigned i = 0; i <= n; i++)
		copy_attributes(call, fn, i);
	return call;
}

LLVMValueRef module_call_library(const Module *m, const char *name,
                                 LLVMTypeRef type, LLVMValueRef const arg[],
                                 int n)
{
	LLVMValueRef fn = LLVMGetNamedFunction(m->module, name);
	LLVMTypeRef param[] = {type, type};
	if (!fn)
		fn = LLVMAddFunction(m->module, name, LLVMFunctionType(
			type, param, (unsigned)n, false));
	return module_call(m, fn, arg);
}

LLVMValueRef module_call_intrinsic(const Module *m, const char *name,
                                   const LLVMTypeRef of[], int nof,
                                   LLVMValueRef const arg[], int n)
{
	unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
	LLVMTypeRef types[2];
	LLVMValueRef args[4];
	memcpy(types, of, sizeof *types * (size_t)nof);
	memcpy(args, arg, sizeof *args * (size_t)n);
	LLVMValueRef fn = LLVMGetIntrinsicDeclaration(m->module, id, types,
	                                              (size_t)nof);
	return LLVMBuildCall2(m->at, LLVMGlobalGetValueType(fn), fn, args,
	                      (unsigned)n, "");
}

/* ---- the whole ---- */

/* LLVM would print what it says, such as that a loop has become no vectors. */
static void hear(LLVMDiagnosticInfoRef said, void *user)
{
	if (LLVMGetDiagInfoSeverity(said) == LLVMDSError)
		BUG("%s", LLVMGetDiagInfoDescription(said));
}

Module *module_create(Arena *a, Machine *machine, const char *runtime,
                      bool contract)
{
	Module *m = arena_new(a, Module);
	*m = (Module){.arena = a, .machine = machine, .contract = contract};
	m->context = LLVMContextCreate();
	LLVMContextSetDiagnosticHandler(m->context, hear, NULL);
	m->module = read_runtime(m, runtime);
	LLVMSetTarget(m->module, machine->triple);
	m->at = LLVMCreateBuilderInContext(m->context);
	find_types(m);
	return m;
}

void module_free(Module *m)
{
	LLVMDisposeBuilder(m->at);
	LLVMDisposeModule(m->module);
	LLVMContextDispose(m->context);
}

static void set_string(const Module *m, LLVMValueRef fn, const char *name,
                       const char *value)
{
	LLVMAddAttributeAtIndex(
		fn, (unsigned)LLVMAttributeFunctionIndex,
		LLVMCreateStringAttribute(
			m->context, name, (unsigned)strlen(name), value,
			(unsigned)strlen(value)));
}

/* The runtime was compiled for the least of its kind. */
static void set_machine(const Module *m, LLVMValueRef fn)
{
	static const char tune[] = "tune-cpu";
	LLVMRemoveStringAttributeAtIndex(
		fn, (unsigned)LLVMAttributeFunctionIndex, tune,
		sizeof tune - 1);
	set_string(m, fn, "target-cpu", m->machine->cpu);
	set_string(m, fn, "target-features", m->machine->features);
}

/* Code for speed takes the functions of one number into its loops, which then
 * are on vectors; code for size has each of them once. */
static void choose_size(const Module *m, LLVMValueRef fn)
{
	static const char hint[] = "inlinehint";
	unsigned at = (unsigned)LLVMAttributeFunctionIndex;
	unsigned kind = LLVMGetEnumAttributeKindForName(hint, sizeof hint - 1);
	bool hinted = LLVMGetEnumAttributeAtIndex(fn, at, kind) != NULL;
	if (m->wants_size)
		module_mark(m, fn, at, "optsize");
	if (m->wants_size && hinted)
		LLVMRemoveEnumAttributeAtIndex(fn, at, kind);
	if (!m->wants_size && hinted)
		module_mark(m, fn, at, "alwaysinline");
}

/* What kernels take in fuses its products as they do. */
static void contract(LLVMValueRef fn)
{
	for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(fn); b;
	     b = LLVMGetNextBasicBlock(b))
		for (LLVMValueRef i = LLVMGetFirstInstruction(b); i;
		     i = LLVMGetNextInstruction(i))
			if (LLVMCanValueUseFastMathFlags(i))
				LLVMSetFastMathFlags(
					i, LLVMGetFastMathFlags(i) |
					   LLVMFastMathAllowContract);
}

static void verify(const Module *m)
{
	char *why = NULL;
	if (LLVMVerifyModule(m->module, LLVMReturnStatusAction, &why))
		BUG("the module is wrong: %s", why);
	LLVMDisposeMessage(why);
}

static void run_passes(const Module *m, const char *passes)
{
	LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
	LLVMErrorRef bad = LLVMRunPasses(m->module, passes, m->machine->llvm,
	                                 o);
	LLVMDisposePassBuilderOptions(o);
	if (bad)
		BUG("%s", LLVMGetErrorMessage(bad));
}

static void set_limit(const Module *m, const char *name, int64_t most)
{
	LLVMValueRef g = LLVMGetNamedGlobal(m->module, name);
	if (!g)
		return;
	LLVMSetInitializer(g, module_int_of(m->i32, most));
	LLVMSetLinkage(g, LLVMInternalLinkage);
}

/* What is not called may have any. */
static void set_limits(const Module *m)
{
	const ConvLimits *l = &m->limits;
	set_limit(m, "rt_depth_stride", l->depth_stride);
	set_limit(m, "rt_conv_stride", l->stride);
	set_limit(m, "rt_conv_span", l->span);
	set_limit(m, "rt_conv_threes", l->three);
	set_limit(m, "rt_conv_fives", l->five);
	set_limit(m, "rt_pads_bare", l->bare);
	set_limit(m, "rt_depth_fives", l->depth_five);
	set_limit(m, "rt_conv_others", l->other);
	set_limit(m, "rt_conv_goes_on", l->goes_on);
	set_limit(m, "rt_product_goes_on", l->gemm_goes_on);
}

void module_optimize(Module *m)
{
	LLVMValueRef called = LLVMGetNamedGlobal(m->module, "rt_called");
	if (called)
		LLVMSetLinkage(called, LLVMInternalLinkage);
	set_limits(m);
	for (LLVMValueRef f = LLVMGetFirstFunction(m->module); f;
	     f = LLVMGetNextFunction(f)) {
		if (LLVMIsDeclaration(f))
			continue;
		if (!strncmp(LLVMGetValueName(f), "rt_", 3))
			LLVMSetLinkage(f, LLVMInternalLinkage);
		set_machine(m, f);
		choose_size(m, f);
		if (m->contract)
			contract(f);
	}
	verify(m);
	run_passes(m, "globaldce");
	run_passes(m, m->wants_size ? "default<Os>" : "default<O3>");
}

LLVMMemoryBufferRef module_object(const Module *m)
{
	LLVMMemoryBufferRef object;
	char *why = NULL;
	if (LLVMTargetMachineEmitToMemoryBuffer(m->machine->llvm, m->module,
	                                        LLVMObjectFile, &why, &object))
		BUG("LLVM compiles no object: %s", why);
	return object;
}

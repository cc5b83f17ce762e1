/* Statements of kernels as LLVM's instructions. */
#include "backend/llvm_kernel.h"

static void put_stmts(LlvmKernel *, const Stmt *);

/* Runs once or more: what is not, is no statement. */
static void put_for(LlvmKernel *k, const Stmt *s)
{
	const Module *m = k->m;
	int i = s->u.loop.var;
	if (s->u.loop.extent == 1) {
		put_stmts(k, s->u.loop.body);
		return;
	}
	For loop = module_for(m, s->u.loop.extent);
	k->loop[i] = loop.i;
	put_stmts(k, s->u.loop.body);
	k->loop[i] = NULL;
	module_end_for(m, &loop);
}

static void put_assignment(LlvmKernel *k, const Stmt *s)
{
	const Module *m = k->m;
	const Access *to = &s->u.store.to;
	DType t = to->byte ? DT_U8 : to->v->dtype;
	LLVMValueRef x = llvm_expr(k, s->u.store.x);
	LLVMValueRef at = llvm_element(k, to->v, t, &to->at);
	if (s->u.store.add) {
		LLVMValueRef old = llvm_widen(m, t, LLVMBuildLoad2(
			m->at, module_stored(m, t), at, ""));
		x = dtype_is_float(t) ? llvm_float_op(m, LLVMFAdd, old, x)
		                      : LLVMBuildAdd(m->at, old, x, "");
	}
	LLVMBuildStore(m->at, llvm_narrow(m, t, x), at);
}

static void put_store(LlvmKernel *k, const Stmt *s)
{
	const Module *m = k->m;
	LLVMValueRef inside = llvm_guards(k, &s->u.store.to);
	if (!inside) {
		put_assignment(k, s);
		return;
	}
	If guarded = module_if(m, inside);
	put_assignment(k, s);
	module_end_if(m, &guarded);
}

static void put_set(LlvmKernel *k, const Stmt *s)
{
	int var = s->u.set.var;
	if (k->c->live[var])
		LLVMBuildStore(k->m->at, llvm_expr(k, s->u.set.x),
		               k->var[var]);
}

/* ---- calls of runtime functions ---- */

enum { STRUCT_FIELDS = 24 };   /* what is not given is 0 */

static LLVMValueRef struct_arg(const Module *m, const Arg *a)
{
	LLVMValueRef field[STRUCT_FIELDS];
	for (int i = 0; i < STRUCT_FIELDS; i++)
		field[i] = module_int_of(m->i32, i < a->n ? a->field[i] : 0);
	LLVMValueRef x = LLVMConstArray2(m->i32, field, STRUCT_FIELDS);
	LLVMValueRef g = LLVMAddGlobal(m->module, LLVMTypeOf(x), "");
	LLVMSetInitializer(g, x);
	LLVMSetGlobalConstant(g, true);
	LLVMSetLinkage(g, LLVMPrivateLinkage);
	LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
	return g;
}

static LLVMValueRef pointer_arg(const LlvmKernel *k, const Arg *a)
{
	const Value *v = a->v;
	if (!v)
		return LLVMConstNull(k->m->ptr);
	if (v->kind == V_CONST && numel(v->shape) == 1)
		return module_bytes(k->m, v->data, dtype_size(v->dtype),
		                    dtype_size(v->dtype));
	DType t = v->memory == MEM_WORKSPACE ? DT_U8 : v->dtype;
	return llvm_element(k, v, t, &a->at);
}

static LLVMValueRef arg_value(const LlvmKernel *k, const Arg *a,
                              LLVMTypeRef type)
{
	switch (a->kind) {
	case ARG_VALUE:
		return pointer_arg(k, a);
	case ARG_INT:
		return module_int_of(type, a->i);
	case ARG_FLOAT:
		return LLVMConstReal(type, a->f);
	case ARG_SCALAR:
		return LLVMBuildLoad2(k->m->at, type, k->var[a->var], "");
	case ARG_STRUCT:
		return struct_arg(k->m, a);
	}
	BUG("argument kind %d", a->kind);
}

static void put_call(LlvmKernel *k, const Stmt *s)
{
	LLVMValueRef fn = module_runtime(k->m, s->u.call.fn), arg[32];
	if (!c_is_call(k->c, s)) {
		put_stmts(k, s->u.call.body);
		return;
	}
	for (int i = 0; i < s->u.call.narg; i++)
		arg[i] = arg_value(k, &s->u.call.arg[i], LLVMTypeOf(
			LLVMGetParam(fn, (unsigned)i)));
	module_call(k->m, fn, arg);
}

static void put_stmts(LlvmKernel *k, const Stmt *s)
{
	for (; s; s = s->next) {
		Stmt one = *s;
		one.next = NULL;
		if (!c_emits(k->c, &one))
			continue;
		if (s->kind == ST_FOR)
			put_for(k, s);
		else if (s->kind == ST_STORE)
			put_store(k, s);
		else if (s->kind == ST_SET)
			put_set(k, s);
		else
			put_call(k, s);
	}
}

/* ---- the function ---- */

static void add_function(LlvmKernel *k, const char *name)
{
	const Module *m = k->m;
	const CKernel *c = k->c;
	LLVMTypeRef *param = arena_array(m->arena, LLVMTypeRef, c->nparams + 1);
	for (int i = 0; i < c->nparams; i++)
		param[i] = m->ptr;
	k->fn = module_function(m, name, m->nothing, param, c->nparams);
	LLVMSetLinkage(k->fn, LLVMInternalLinkage);
	module_mark(m, k->fn, (unsigned)LLVMAttributeFunctionIndex, "noinline");
	for (int i = 0; i < c->nparams; i++)
		if (!c->param[i].overlaps)
			module_mark(m, k->fn, (unsigned)i + 1, "noalias");
}

static void add_variables(LlvmKernel *k)
{
	const Kernel *kernel = k->c->k;
	const Module *m = k->m;
	k->loop = arena_array(m->arena, LLVMValueRef, kernel->nloops + 1);
	k->var = arena_array(m->arena, LLVMValueRef, kernel->nvars + 1);
	for (int i = 0; i < kernel->nvars; i++)
		if (k->c->live[i])
			k->var[i] = LLVMBuildAlloca(m->at, module_computed(
				m, kernel->type[i]), "");
}

LLVMValueRef llvm_kernel(Module *m, const CKernel *c, const char *name)
{
	LlvmKernel k = {.m = m, .c = c};
	LLVMBasicBlockRef outside = LLVMGetInsertBlock(m->at);
	add_function(&k, name);
	add_variables(&k);
	put_stmts(&k, c->k->body);
	LLVMBuildRetVoid(m->at);
	if (outside)
		LLVMPositionBuilderAtEnd(m->at, outside);
	return k.fn;
}

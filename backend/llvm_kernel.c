/* Statements of kernels as LLVM's instructions. */
#include "backend/llvm_kernel.h"

#include <string.h>

static void put_stmts(LlvmKernel *, const Stmt *);

/* ---- loops ---- */

static LLVMMetadataRef int_hint(const Module *m, const char *name, int64_t x)
{
	LLVMMetadataRef part[] = {
		LLVMMDStringInContext2(m->context, name, strlen(name)),
		LLVMValueAsMetadata(module_int_of(m->i32, x)),
	};
	return LLVMMDNodeInContext2(m->context, part, 2);
}

/* One vector of so many elements: the loop is no loop any more. The node of a
 * loop's hints begins with itself. */
void llvm_hint_lanes(const Module *m, LLVMValueRef branch, int lanes)
{
	static const char name[] = "llvm.loop";
	LLVMMetadataRef self = LLVMTemporaryMDNode(m->context, NULL, 0);
	LLVMMetadataRef part[] = {
		self,
		int_hint(m, "llvm.loop.vectorize.width", lanes),
		int_hint(m, "llvm.loop.interleave.count", 1),
		int_hint(m, "llvm.loop.unroll.disable", 1),
	};
	LLVMMetadataRef all = LLVMMDNodeInContext2(
		m->context, part, sizeof part / sizeof part[0]);
	LLVMMetadataReplaceAllUsesWith(self, all);
	LLVMSetMetadata(branch,
	                LLVMGetMDKindIDInContext(m->context, name,
	                                         sizeof name - 1),
	                LLVMMetadataAsValue(m->context, all));
}

/* How many statements each copy has. */
static int copy_length(const Stmt *loop)
{
	int n = 0;
	for (const Stmt *s = loop->u.loop.body; s; s = s->next)
		n++;
	return n / loop->u.loop.lanes;
}

static bool is_sum(const LlvmKernel *k, const Stmt *s)
{
	return s->kind == ST_SET && !s->u.set.first && k->c->live[s->u.set.var];
}

static LLVMTypeRef type_of(const LlvmKernel *k, int var)
{
	return module_computed(k->m, k->c->k->type[var]);
}

/* The first copy, whose sums are those of the lane. */
static void put_lane(LlvmKernel *k, const Stmt *loop, LLVMValueRef lane)
{
	const Stmt *s = loop->u.loop.body;
	for (int n = copy_length(loop); n; n--, s = s->next) {
		Stmt one = *s;
		LLVMValueRef first;
		one.next = NULL;
		if (!is_sum(k, s)) {
			put_stmts(k, &one);
			continue;
		}
		int var = s->u.set.var;
		first = k->var[var];
		k->var[var] = LLVMBuildInBoundsGEP2(
			k->m->at, type_of(k, var), first, &lane, 1, "");
		put_stmts(k, &one);
		k->var[var] = first;
	}
}

/* LLVM makes better vectors of a loop over the copies than of the copies, each
 * of which may be long. */
static void put_lanes(LlvmKernel *k, const Stmt *s, LLVMValueRef i)
{
	const Module *m = k->m;
	int lanes = s->u.loop.lanes;
	LLVMValueRef from = LLVMBuildNSWMul(m->at, i, module_int(m, lanes), "");
	For loop = module_for(m, lanes);
	k->elements = s->u.loop.var;
	k->lanes = lanes;
	k->loop[k->elements] = LLVMBuildNSWAdd(m->at, from, loop.i, "");
	put_lane(k, s, loop.i);
	k->lanes = 0;
	llvm_hint_lanes(m, module_end_for(m, &loop), lanes);
}

/* Runs once or more: what is not, is no statement. */
static void put_for(LlvmKernel *k, const Stmt *s)
{
	const Module *m = k->m;
	int i = s->u.loop.var;
	if (s->u.loop.extent == 1) {
		put_stmts(k, s->u.loop.body);
		return;
	}
	if (llvm_is_columns(k, s)) {
		llvm_put_columns(k, s);
		return;
	}
	For loop = module_for(m, s->u.loop.extent);
	k->loop[i] = loop.i;
	if (s->u.loop.lanes)
		put_lanes(k, s, loop.i);
	else
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

static bool is_conv(const Arg *a)
{
	return a->kind == ARG_STRUCT && !strcmp(a->type, "rt_conv");
}

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
	for (int i = 0; i < s->u.call.narg; i++) {
		const Arg *a = &s->u.call.arg[i];
		arg[i] = arg_value(k, a, LLVMTypeOf(
			LLVMGetParam(fn, (unsigned)i)));
		if (is_conv(a))
			conv_limits_add(&k->m->limits, s->u.call.fn, a->field);
		if (conv_goes_on(a))
			conv_limits_go_on(&k->m->limits, s->u.call.fn);
	}
	module_call(k->m, fn, arg);
}

void llvm_put_stmt(LlvmKernel *k, const Stmt *s)
{
	Stmt one = *s;
	one.next = NULL;
	if (!c_emits(k->c, &one))
		return;
	if (s->kind == ST_FOR)
		put_for(k, s);
	else if (s->kind == ST_STORE)
		put_store(k, s);
	else if (s->kind == ST_SET)
		put_set(k, s);
	else
		put_call(k, s);
}

static void put_stmts(LlvmKernel *k, const Stmt *s)
{
	for (; s; s = s->next)
		llvm_put_stmt(k, s);
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

/* The variables of a sum in lanes lie side by side. */
static void add_sums(LlvmKernel *k, const Stmt *loop)
{
	const Stmt *s = loop->u.loop.body;
	for (int n = copy_length(loop); n; n--, s = s->next) {
		if (!is_sum(k, s))
			continue;
		int var = s->u.set.var, lanes = loop->u.loop.lanes;
		LLVMTypeRef type = type_of(k, var);
		LLVMValueRef all = LLVMBuildAlloca(
			k->m->at, LLVMArrayType2(type, (uint64_t)lanes), "");
		for (int i = 0; i < lanes; i++) {
			LLVMValueRef at = module_int(k->m, i);
			k->var[var + i] = LLVMBuildInBoundsGEP2(
				k->m->at, type, all, &at, 1, "");
		}
	}
}

static void add_all_sums(LlvmKernel *k, const Stmt *s)
{
	for (; s; s = s->next)
		if (s->kind == ST_CALL)
			add_all_sums(k, s->u.call.body);
		else if (s->kind == ST_FOR && s->u.loop.lanes)
			add_sums(k, s);
		else if (s->kind == ST_FOR && !llvm_add_columns(k, s))
			add_all_sums(k, s->u.loop.body);
}

static void add_variables(LlvmKernel *k)
{
	const Kernel *kernel = k->c->k;
	const Module *m = k->m;
	k->loop = arena_array(m->arena, LLVMValueRef, kernel->nloops + 1);
	k->var = arena_array(m->arena, LLVMValueRef, kernel->nvars + 1);
	k->column = arena_array(m->arena, LLVMValueRef, kernel->nvars + 1);
	add_all_sums(k, kernel->body);
	for (int i = 0; i < kernel->nvars; i++)
		if (k->c->live[i] && !k->var[i] && !k->column[i])
			k->var[i] = LLVMBuildAlloca(m->at, type_of(k, i), "");
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

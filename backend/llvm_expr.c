/* Indexes and expressions of kernels as LLVM's instructions. */
#include "backend/llvm_kernel.h"

/* ---- indexes ---- */

/* What the term's variable is multiplied with, which may count elements. */
static int64_t factor(const LlvmKernel *k, const Term *t)
{
	bool elements = k->lanes && !t->scalar && t->var == k->elements;
	return elements ? t->mul / k->lanes : t->mul;
}

/* A loop that runs once is none; its variable is 0. */
static LLVMValueRef term_value(const LlvmKernel *k, const Term *t,
                               LLVMTypeRef type)
{
	const Module *m = k->m;
	if (!t->mul || (!t->scalar && !k->loop[t->var]))
		return NULL;
	LLVMValueRef x = t->scalar
		? LLVMBuildLoad2(m->at, module_computed(
			m, k->c->k->type[t->var]), k->var[t->var], "")
		: k->loop[t->var];
	x = LLVMBuildIntCast2(m->at, x, type, true, "");
	return LLVMBuildNSWMul(m->at, x, module_int_of(type, factor(k, t)), "");
}

static LLVMValueRef index_as(const LlvmKernel *k, const Index *at,
                             LLVMTypeRef type)
{
	LLVMValueRef add = module_int_of(type, at->add);
	LLVMValueRef sum = NULL;
	for (int t = 0; t < at->nterms; t++) {
		LLVMValueRef x = term_value(k, &at->term[t], type);
		if (x)
			sum = sum ? LLVMBuildNSWAdd(k->m->at, sum, x, "") : x;
	}
	if (!sum)
		return add;
	return at->add ? LLVMBuildNSWAdd(k->m->at, sum, add, "") : sum;
}

LLVMValueRef llvm_index(const LlvmKernel *k, const Index *at)
{
	return index_as(k, at, k->m->index);
}

static bool has_scalar(const Index *at)
{
	for (int t = 0; t < at->nterms; t++)
		if (at->term[t].scalar)
			return true;
	return false;
}

/* 0 <= at < extent is one comparison without signs. What may be any number is
 * computed in 64 bits, so that nothing overflows. */
static LLVMValueRef guard(const LlvmKernel *k, const Guard *g)
{
	LLVMBuilderRef b = k->m->at;
	int64_t lo, hi;
	bool known = c_index_range(k->c, &g->at, &lo, &hi);
	if (known && lo >= 0 && hi < g->extent)
		return NULL;
	LLVMTypeRef type = has_scalar(&g->at) ? k->m->i64 : k->m->index;
	LLVMValueRef at = index_as(k, &g->at, type);
	LLVMValueRef end = module_int_of(type, g->extent);
	if (known && lo >= 0)
		return LLVMBuildICmp(b, LLVMIntSLT, at, end, "");
	if (known && hi < g->extent)
		return LLVMBuildICmp(b, LLVMIntSGE, at, LLVMConstNull(type),
		                     "");
	return LLVMBuildICmp(b, LLVMIntULT, at, end, "");
}

LLVMValueRef llvm_guards(const LlvmKernel *k, const Access *a)
{
	LLVMValueRef all = NULL;
	for (int g = 0; g < a->nguards; g++) {
		LLVMValueRef one = guard(k, &a->guard[g]);
		if (one)
			all = all ? LLVMBuildAnd(k->m->at, all, one, "") : one;
	}
	return all;
}

/* ---- elements ---- */

LLVMValueRef llvm_number(const Module *m, DType t, Scalar x)
{
	LLVMTypeRef type = module_computed(m, t);
	return dtype_is_float(t)
	       ? LLVMConstReal(type, x.f)
	       : module_int_of(type, x.i);
}

static LLVMValueRef call(const Module *m, const char *fn, LLVMValueRef x)
{
	return module_call(m, module_runtime(m, fn), &x);
}

LLVMValueRef llvm_widen(const Module *m, DType t, LLVMValueRef x)
{
	switch (t) {
	case DT_F16:
		return call(m, "rt_f16_to_f32", x);
	case DT_BF16:
		return call(m, "rt_bf16_to_f32", x);
	case DT_U32:
		return LLVMBuildZExt(m->at, x, m->i64, "");
	case DT_I8: case DT_I16:
		return LLVMBuildSExt(m->at, x, m->i32, "");
	case DT_BOOL: case DT_BIT: case DT_U8: case DT_U16:
		return LLVMBuildZExt(m->at, x, m->i32, "");
	default:
		return x;
	}
}

LLVMValueRef llvm_narrow(const Module *m, DType t, LLVMValueRef x)
{
	if (t == DT_F16)
		return call(m, "rt_f32_to_f16", x);
	if (t == DT_BF16)
		return call(m, "rt_f32_to_bf16", x);
	if (dtype_is_float(t))
		return x;
	return LLVMBuildTrunc(m->at, x, module_stored(m, t), "");
}

static LLVMValueRef element_at(const LlvmKernel *k, const Value *v, DType t,
                               LLVMValueRef i)
{
	unsigned param = (unsigned)c_param_of(k->c, v);
	return LLVMBuildInBoundsGEP2(k->m->at, module_stored(k->m, t),
	                             LLVMGetParam(k->fn, param), &i, 1, "");
}

LLVMValueRef llvm_element(const LlvmKernel *k, const Value *v, DType t,
                          const Index *at)
{
	return element_at(k, v, t, llvm_index(k, at));
}

/* Element i is bit i % 8 of byte i / 8. */
static LLVMValueRef load_bit(const LlvmKernel *k, const Access *a)
{
	const Module *m = k->m;
	Index byte, bit;
	LLVMValueRef which, at;
	if (c_split_bit(k->c, &a->at, &byte, &bit)) {
		which = index_as(k, &bit, m->i32);
		at = llvm_index(k, &byte);
	} else {
		LLVMValueRef i = llvm_index(k, &a->at);
		which = LLVMBuildIntCast2(m->at, LLVMBuildAnd(
			m->at, i, module_int(m, 7), ""), m->i32, false, "");
		at = LLVMBuildAShr(m->at, i, module_int(m, 3), "");
	}
	at = element_at(k, a->v, DT_U8, at);
	LLVMValueRef x = LLVMBuildZExt(
		m->at, LLVMBuildLoad2(m->at, m->i8, at, ""), m->i32, "");
	return LLVMBuildAnd(m->at, LLVMBuildLShr(m->at, x, which, ""),
	                    module_int_of(m->i32, 1), "");
}

static LLVMValueRef load_element(const LlvmKernel *k, const Access *a)
{
	const Module *m = k->m;
	DType t = a->v->dtype;
	if (a->v->kind == V_CONST && numel(a->v->shape) == 1)
		return llvm_number(m, t, dtype_get(t, a->v->data, 0));
	if (t == DT_BIT)
		return load_bit(k, a);
	return llvm_widen(m, t, LLVMBuildLoad2(
		m->at, module_stored(m, t), llvm_element(k, a->v, t, &a->at),
		""));
}

static LLVMValueRef load(const LlvmKernel *k, const Expr *e)
{
	const Module *m = k->m;
	const Access *a = &e->u.load;
	LLVMValueRef inside = llvm_guards(k, a);
	if (!inside)
		return load_element(k, a);
	If guarded = module_if(m, inside);
	LLVMValueRef x[2] = {
		llvm_number(m, e->type, dtype_is_float(e->type)
		            ? (Scalar){.f = a->outside}
		            : (Scalar){.i = (int64_t)a->outside}),
		load_element(k, a),
	};
	LLVMBasicBlockRef from[2] = {guarded.before,
	                             module_end_if(m, &guarded)};
	LLVMValueRef phi = LLVMBuildPhi(m->at, LLVMTypeOf(x[0]), "");
	LLVMAddIncoming(phi, x, from, 2);
	return phi;
}

/* ---- expressions ---- */

/* What rt_f32_to_i32() and its like do, too: towards zero, the nearest where it
 * is out of range, 0 for NaN. */
static LLVMValueRef to_integer(const Module *m, LLVMTypeRef to, LLVMValueRef x)
{
	return module_call_intrinsic(
		m, "llvm.fptosi.sat", (LLVMTypeRef[]){to, LLVMTypeOf(x)}, 2, &x,
		1);
}

static LLVMValueRef cast(const LlvmKernel *k, const Expr *e)
{
	const Module *m = k->m;
	LLVMValueRef x = llvm_expr(k, e->u.cast);
	LLVMTypeRef to = module_computed(m, e->type);
	bool from_float = dtype_is_float(e->u.cast->type);
	bool to_float = dtype_is_float(e->type);
	if (from_float && to_float)
		return LLVMBuildFPCast(m->at, x, to, "");
	if (to_float)
		return LLVMBuildSIToFP(m->at, x, to, "");
	if (from_float)
		return to_integer(m, to, x);
	return LLVMBuildIntCast2(m->at, x, to, true, "");
}

static LLVMValueRef scalar(const LlvmKernel *k, const Expr *e)
{
	LLVMValueRef arg[3] = {NULL};
	for (int i = 0; i < scalar_arity(e->u.scalar.op); i++)
		arg[i] = llvm_expr(k, e->u.scalar.arg[i]);
	return llvm_scalar(k->m, e, arg);
}

LLVMValueRef llvm_expr(const LlvmKernel *k, const Expr *e)
{
	const Module *m = k->m;
	switch (e->kind) {
	case E_NUM:
		return llvm_number(m, e->type, e->u.num);
	case E_VAR:
		return LLVMBuildLoad2(m->at, module_computed(m, e->type),
		                      k->var[e->u.var], "");
	case E_INDEX:
		return LLVMBuildIntCast2(m->at, llvm_index(k, &e->u.index),
		                         m->i32, true, "");
	case E_LOAD:
		return load(k, e);
	case E_CAST:
		return cast(k, e);
	case E_SCALAR:
		return scalar(k, e);
	}
	BUG("expression kind %d", e->kind);
}

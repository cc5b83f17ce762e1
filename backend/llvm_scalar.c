/*
 * The operations of ir/scalar.def as LLVM's instructions. What is there a call
 * of a function, rt_expf(), is a call here; its text says of which.
 */
#include "backend/llvm_kernel.h"

#include <ctype.h>
#include <string.h>

static const char *const text[NSCALAR][2] = {
#define S(name, arity, result, f32, f64, integer, fvalue, ivalue) \
	[S_##name] = {f32, f64},
#include "ir/scalar.def"
#undef S
};

/* ---- floats ---- */

LLVMValueRef llvm_float_op(const Module *m, LLVMOpcode op, LLVMValueRef a,
                           LLVMValueRef b)
{
	LLVMValueRef x = LLVMBuildBinOp(m->at, op, a, b, "");
	if (m->contract && LLVMIsAInstruction(x))
		LLVMSetFastMathFlags(x, LLVMFastMathAllowContract);
	return x;
}

static LLVMValueRef intrinsic(const Module *m, const char *name, LLVMValueRef a)
{
	LLVMTypeRef type = LLVMTypeOf(a);
	return module_call_intrinsic(m, name, &type, 1, &a, 1);
}

/* The function that the text calls: the runtime's, or the C library's. */
static LLVMValueRef call_function(const Module *m, const Expr *e,
                                  LLVMValueRef arg[])
{
	ScalarOp op = e->u.scalar.op;
	const char *from = op == S_uniform ? "rt_uniform("
	                                   : text[op][e->type == DT_F64];
	size_t n = from ? strcspn(from, "(") : 0;
	if (!n)
		BUG("%s is not defined on %s", scalar_name(op),
		    dtype_name(e->type));
	const char *name = arena_printf(m->arena, "%.*s", (int)n, from);
	LLVMValueRef fn = module_runtime(m, name);
	if (fn && !strncmp(name, "rt_", 3))
		return module_call(m, fn, arg);
	return module_call_library(m, name, LLVMTypeOf(arg[0]), arg,
	                           scalar_arity(op));
}

static LLVMValueRef float_scalar(const Module *m, const Expr *e,
                                 LLVMValueRef x[])
{
	LLVMBuilderRef b = m->at;
	switch (e->u.scalar.op) {
	case S_add:
		return llvm_float_op(m, LLVMFAdd, x[0], x[1]);
	case S_sub:
		return llvm_float_op(m, LLVMFSub, x[0], x[1]);
	case S_mul:
		return llvm_float_op(m, LLVMFMul, x[0], x[1]);
	case S_div:
		return llvm_float_op(m, LLVMFDiv, x[0], x[1]);
	case S_mod:
		return LLVMBuildFRem(b, x[0], x[1], "");
	case S_max:
		return LLVMBuildSelect(b, LLVMBuildFCmp(
			b, LLVMRealOLT, x[0], x[1], ""), x[1], x[0], "");
	case S_min:
		return LLVMBuildSelect(b, LLVMBuildFCmp(
			b, LLVMRealOLT, x[1], x[0], ""), x[1], x[0], "");
	case S_neg:
		return LLVMBuildFNeg(b, x[0], "");
	case S_abs:
		return intrinsic(m, "llvm.fabs", x[0]);
	case S_sqrt:
		return intrinsic(m, "llvm.sqrt", x[0]);
	case S_floor:
		return intrinsic(m, "llvm.floor", x[0]);
	case S_ceil:
		return intrinsic(m, "llvm.ceil", x[0]);
	case S_rint:
		return intrinsic(m, "llvm.rint", x[0]);
	default:
		return call_function(m, e, x);
	}
}

/* ---- integers: they wrap ---- */

static LLVMValueRef equals(const Module *m, LLVMValueRef a, int64_t x)
{
	return LLVMBuildICmp(m->at, LLVMIntEQ, a,
	                     module_int_of(LLVMTypeOf(a), x), "");
}

/* By 0 it gives 0, by -1 what wraps; neither reaches the instruction. */
static LLVMValueRef divide(const Module *m, bool rest, LLVMValueRef a,
                           LLVMValueRef by)
{
	LLVMBuilderRef b = m->at;
	LLVMTypeRef type = LLVMTypeOf(a);
	LLVMValueRef zero = LLVMConstNull(type);
	LLVMValueRef is_zero = equals(m, by, 0), is_minus = equals(m, by, -1);
	LLVMValueRef odd = LLVMBuildOr(b, is_zero, is_minus, "");
	LLVMValueRef safe = LLVMBuildSelect(b, odd, module_int_of(type, 1), by,
	                                    "");
	LLVMValueRef x = rest ? LLVMBuildSRem(b, a, safe, "")
	                      : LLVMBuildSDiv(b, a, safe, "");
	if (rest)
		return LLVMBuildSelect(b, odd, zero, x, "");
	x = LLVMBuildSelect(b, is_minus, LLVMBuildNeg(b, a, ""), x, "");
	return LLVMBuildSelect(b, is_zero, zero, x, "");
}

static LLVMValueRef int_select(const Module *m, LLVMIntPredicate p,
                               LLVMValueRef a, LLVMValueRef b, LLVMValueRef x,
                               LLVMValueRef y)
{
	return LLVMBuildSelect(m->at, LLVMBuildICmp(m->at, p, a, b, ""), x, y,
	                       "");
}

static LLVMValueRef int_scalar(const Module *m, const Expr *e, LLVMValueRef x[])
{
	LLVMBuilderRef b = m->at;
	switch (e->u.scalar.op) {
	case S_add:
		return LLVMBuildAdd(b, x[0], x[1], "");
	case S_sub:
		return LLVMBuildSub(b, x[0], x[1], "");
	case S_mul:
		return LLVMBuildMul(b, x[0], x[1], "");
	case S_div: case S_mod:
		return divide(m, e->u.scalar.op == S_mod, x[0], x[1]);
	case S_max:
		return int_select(m, LLVMIntSLT, x[0], x[1], x[1], x[0]);
	case S_min:
		return int_select(m, LLVMIntSLT, x[1], x[0], x[1], x[0]);
	case S_neg:
		return LLVMBuildNeg(b, x[0], "");
	case S_abs:
		return int_select(m, LLVMIntSLT, x[0],
		                  LLVMConstNull(LLVMTypeOf(x[0])),
		                  LLVMBuildNeg(b, x[0], ""), x[0]);
	case S_floor: case S_ceil: case S_rint:
		return x[0];
	case S_and:
		return LLVMBuildAnd(b, x[0], x[1], "");
	case S_or:
		return LLVMBuildOr(b, x[0], x[1], "");
	case S_xor:
		return LLVMBuildXor(b, x[0], x[1], "");
	case S_shl:
		return LLVMBuildShl(b, x[0], x[1], "");
	case S_shr:
		return LLVMBuildLShr(b, x[0], x[1], "");
	default:
		BUG("%s is not defined on %s", scalar_name(e->u.scalar.op),
		    dtype_name(e->type));
	}
}

/* ---- both ---- */

static LLVMValueRef compare(const Module *m, const Expr *e, LLVMValueRef x[])
{
	static const struct {
		LLVMRealPredicate real;
		LLVMIntPredicate integer;
	} predicate[] = {
		[S_lt] = {LLVMRealOLT, LLVMIntSLT},
		[S_le] = {LLVMRealOLE, LLVMIntSLE},
		[S_gt] = {LLVMRealOGT, LLVMIntSGT},
		[S_ge] = {LLVMRealOGE, LLVMIntSGE},
		[S_eq] = {LLVMRealOEQ, LLVMIntEQ},
		[S_ne] = {LLVMRealUNE, LLVMIntNE},
	};
	ScalarOp op = e->u.scalar.op;
	bool floats = dtype_is_float(e->u.scalar.arg[0]->type);
	LLVMValueRef is = op == S_not ? equals(m, x[0], 0)
		: floats ? LLVMBuildFCmp(m->at, predicate[op].real, x[0], x[1],
		                         "")
		: LLVMBuildICmp(m->at, predicate[op].integer, x[0], x[1], "");
	return LLVMBuildZExt(m->at, is, m->i32, "");
}

static LLVMValueRef uniform(const Module *m, const Expr *e, LLVMValueRef x[])
{
	LLVMValueRef arg[2];
	for (int i = 0; i < 2; i++)
		arg[i] = LLVMBuildIntCast2(m->at, x[i], m->i32, false, "");
	return call_function(m, e, arg);
}

LLVMValueRef llvm_scalar(const Module *m, const Expr *e, LLVMValueRef x[])
{
	ScalarOp op = e->u.scalar.op;
	if ((op >= S_lt && op <= S_ne) || op == S_not)
		return compare(m, e, x);
	if (op == S_sel)
		return LLVMBuildSelect(
			m->at, LLVMBuildICmp(m->at, LLVMIntNE, x[0],
			                     LLVMConstNull(LLVMTypeOf(x[0])),
			                     ""), x[1], x[2], "");
	if (op == S_uniform)
		return uniform(m, e, x);
	return dtype_is_float(e->type) ? float_scalar(m, e, x)
	                               : int_scalar(m, e, x);
}

#include "backend/llvm_program.h"

#include <string.h>

/* ---- the context ---- */

static unsigned add_field(LLVMTypeRef field[], unsigned *n, LLVMTypeRef type)
{
	field[*n] = type;
	return (*n)++;
}

static void make_context(LlvmProgram *p)
{
	const Module *m = p->m;
	LLVMTypeRef field[64];
	unsigned n = 0;
	add_field(field, &n, m->ptr);
	add_field(field, &n, m->ptr);
	if (c_weights_bin(p->c))
		p->weights = add_field(field, &n, m->ptr);
	p->step = add_field(field, &n, m->i32);
	p->seed = add_field(field, &n, m->i32);
	p->step_seed = add_field(field, &n, m->i32);
	int depth = c_slice_depth(p->c);
	if (c_has_slices(p->c))
		p->slice = add_field(field, &n, m->i32);
	if (c_has_slices(p->c) && depth)
		p->part = add_field(field, &n, LLVMArrayType2(
			m->i32, (uint64_t)depth));
	p->hyper = n;
	for (int i = 0; i < p->c->nhypers; i++)
		add_field(field, &n, m->f32);
	p->context = LLVMStructTypeInContext(m->context, field, n, false);
}

LLVMValueRef llvm_field(const LlvmProgram *p, LLVMValueRef k, unsigned field)
{
	return LLVMBuildStructGEP2(p->m->at, p->context, k, field, "");
}

LLVMValueRef llvm_get(const LlvmProgram *p, LLVMValueRef k, unsigned field,
                      LLVMTypeRef type)
{
	return LLVMBuildLoad2(p->m->at, type, llvm_field(p, k, field), "");
}

/* Compilers for Arm's microcontrollers make enumerations as small as they can
 * be; others, an int. */
LlvmProgram llvm_program(Module *m, const CProgram *c)
{
	bool small = !strncmp(m->machine->triple, "thumb", 5);
	LlvmProgram p = {.m = m, .c = c, .status = small ? m->i8 : m->i32};
	make_context(&p);
	return p;
}

/* ---- functions ---- */

LLVMValueRef llvm_function(const LlvmProgram *p, const char *verb,
                           const LLVMTypeRef param[], int n)
{
	const Module *m = p->m;
	const char *name = arena_printf(m->arena, "%s_%s", p->c->name, verb);
	LLVMValueRef fn = module_function(m, name, p->status, param, n);
	if (p->status != m->i32)
		module_mark(m, fn, LLVMAttributeReturnIndex, "zeroext");
	return fn;
}

void llvm_return(const LlvmProgram *p, Status status)
{
	LLVMBuildRet(p->m->at, module_int_of(p->status, status));
}

void llvm_return_if(const LlvmProgram *p, LLVMValueRef condition,
                    Status status)
{
	If s = module_if(p->m, condition);
	llvm_return(p, status);
	LLVMPositionBuilderAtEnd(p->m->at, s.after);
}

void llvm_return_if_null(const LlvmProgram *p, LLVMValueRef pointer)
{
	llvm_return_if(p, LLVMBuildIsNull(p->m->at, pointer, ""), STATUS_NULL);
}

void llvm_check_context(const LlvmProgram *p, LLVMValueRef k)
{
	llvm_return_if_null(p, k);
	llvm_return_if_null(p, llvm_get(p, k, FIELD_ARENA, p->m->ptr));
}

/* Tables that the program carries: NAME_params, and what a save consists of. */
#include "backend/llvm_program.h"

#include <string.h>

LLVMValueRef llvm_string(const Module *m, const char *text)
{
	return module_bytes(m, text, (int64_t)strlen(text) + 1, 1);
}

LLVMValueRef llvm_table(const Module *m, const char *name, LLVMTypeRef type,
                        LLVMValueRef row[], int n)
{
	LLVMValueRef rows = LLVMConstArray2(type, row, (uint64_t)n);
	LLVMValueRef g = LLVMAddGlobal(m->module, LLVMTypeOf(rows), name);
	LLVMSetInitializer(g, rows);
	LLVMSetGlobalConstant(g, true);
	return g;
}

static LLVMValueRef shape_of(const Module *m, Shape s)
{
	LLVMValueRef dim[MAX_RANK];
	for (int i = 0; i < MAX_RANK; i++)
		dim[i] = module_int_of(m->i32, i < s.rank ? s.dim[i] : 0);
	return LLVMConstArray2(m->i32, dim, MAX_RANK);
}

/* A row of NAME_params; its fields are those of NAME_param. */
static LLVMValueRef param_row(const LlvmProgram *p, const Variable *v)
{
	const Module *m = p->m;
	const CProgram *c = p->c;
	int array = c->of_var[v->id];
	bool bin = c_weights_bin(c) && array >= 0;
	int64_t first = bin ? c->array[array].offset : -1;
	int64_t at = v->mutable ? c->p->offset[v->id] : bin ? first : 0;
	LLVMValueRef field[] = {
		llvm_string(m, v->name),
		module_int_of(p->status, v->dtype),
		module_int_of(p->status, v->role),
		module_int_of(m->i32, v->mutable && v->role == VAR_PARAMETER),
		module_int_of(m->i32, v->mutable),
		module_int_of(m->i32, v->shape.rank),
		shape_of(m, v->shape),
		module_int(m, at),
		module_int(m, shape_bytes(v->shape, v->dtype)),
		module_int(m, first),
	};
	return LLVMConstStructInContext(m->context, field, sizeof field /
	                                sizeof field[0], false);
}

void llvm_put_params(const LlvmProgram *p)
{
	const Model *model = p->c->p->model;
	const Module *m = p->m;
	LLVMValueRef *row = arena_array(m->arena, LLVMValueRef,
	                                model->nvars + 1);
	for (int i = 0; i < model->nvars; i++)
		row[i] = param_row(p, model->var[i]);
	if (model->nvars)
		llvm_table(m, arena_printf(m->arena, "%s_params", p->c->name),
		           LLVMTypeOf(row[0]), row, model->nvars);
}

/* NAME_init: checks what it is given, and the first contents of the state. */
#include "backend/llvm_program.h"

/* ---- contents ---- */

static LLVMValueRef state_at(const LlvmProgram *p, LLVMValueRef k,
                             const Variable *v)
{
	return module_offset(p->m, llvm_get(p, k, FIELD_STATE, p->m->ptr),
	                     p->c->p->offset[v->id]);
}

static void copy_array(const LlvmProgram *p, LLVMValueRef k, const CArray *a,
                       LLVMValueRef to)
{
	const Module *m = p->m;
	LLVMValueRef from = c_weights_bin(p->c)
		? module_offset(m, llvm_get(p, k, p->weights, m->ptr),
		                a->offset)
		: llvm_array(m, a);
	unsigned align = (unsigned)dtype_size(a->dtype);
	LLVMBuildMemCpy(m->at, to, align, from, align,
	                module_int(m, array_bytes(a)));
}

static LLVMValueRef stored_number(const Module *m, DType t, Scalar x)
{
	unsigned char bytes[8] = {0};
	uint64_t bits = 0;
	dtype_put(t, bytes, 0, x);
	if (t == DT_F32 || t == DT_F64)
		return LLVMConstReal(module_stored(m, t), x.f);
	for (int i = 0; i < dtype_size(t); i++)
		bits |= (uint64_t)bytes[i] << 8 * i;
	return LLVMConstInt(module_stored(m, t), bits, false);
}

static void fill(const LlvmProgram *p, const Variable *v, LLVMValueRef to,
                 Scalar x)
{
	const Module *m = p->m;
	For loop = module_for(m, numel(v->shape));
	LLVMValueRef at = LLVMBuildInBoundsGEP2(
		m->at, module_stored(m, v->dtype), to, &loop.i, 1, "");
	LLVMBuildStore(m->at, stored_number(m, v->dtype, x), at);
	module_end_for(m, &loop);
}

void llvm_put_variable(const LlvmProgram *p, LLVMValueRef k, const Variable *v)
{
	Scalar x = {.i = 0};
	int array = p->c->of_var[v->id];
	if (array >= 0)
		copy_array(p, k, &p->c->array[array], state_at(p, k, v));
	else if (variable_is_filled(v, &x) && x.i != 0 && numel(v->shape))
		fill(p, v, state_at(p, k, v), x);
}

/* ---- checks ---- */

/* Of one piece of memory; one of no bytes is not looked at. */
static void check_memory(const LlvmProgram *p, LLVMValueRef at,
                         LLVMValueRef bytes, int64_t want, int64_t align)
{
	const Module *m = p->m;
	if (!want)
		return;
	llvm_return_if_null(p, at);
	llvm_return_if(p, LLVMBuildICmp(m->at, LLVMIntULT, bytes,
	                                module_int(m, want), ""), STATUS_SIZE);
	LLVMValueRef rest = LLVMBuildAnd(
		m->at, LLVMBuildPtrToInt(m->at, at, m->index, ""),
		module_int(m, align - 1), "");
	llvm_return_if(p, LLVMBuildIsNotNull(m->at, rest, ""), STATUS_ALIGN);
}

static void set(const LlvmProgram *p, LLVMValueRef k, unsigned field,
                LLVMValueRef x)
{
	LLVMBuildStore(p->m->at, x, llvm_field(p, k, field));
}

static void put_state(const LlvmProgram *p, LLVMValueRef k, LLVMValueRef state)
{
	const Module *m = p->m;
	const Program *program = p->c->p;
	if (program->state_bytes)
		LLVMBuildMemSet(m->at, state, LLVMConstNull(m->i8),
		                module_int(m, program->state_bytes),
		                (unsigned)program->align);
	for (int i = 0; i < program->model->nvars; i++)
		if (program->model->var[i]->mutable)
			llvm_put_variable(p, k, program->model->var[i]);
}

void llvm_put_init(const LlvmProgram *p)
{
	const Module *m = p->m;
	const CProgram *c = p->c;
	const LLVMTypeRef param[] = {m->ptr, m->ptr, m->index, m->ptr, m->index,
	                             m->ptr, m->index};
	LLVMValueRef x[7];
	unsigned n = c_weights_bin(c) ? 7 : 5;
	LLVMValueRef fn = llvm_function(p, "init", param, (int)n);
	LLVMGetParams(fn, x);
	llvm_return_if_null(p, x[0]);
	llvm_return_if_null(p, x[1]);
	check_memory(p, x[1], x[2], c->p->arena_bytes, c->p->align);
	check_memory(p, x[3], x[4], c->p->state_bytes, c->p->align);
	if (n == 7)
		check_memory(p, x[5], x[6], c->image_bytes, WEIGHTS_ALIGN);
	LLVMBuildStore(m->at, LLVMConstNull(p->context), x[0]);
	set(p, x[0], FIELD_ARENA, x[1]);
	set(p, x[0], FIELD_STATE, x[3]);
	if (n == 7)
		set(p, x[0], p->weights, x[5]);
	set(p, x[0], p->seed, module_int_of(m->i32, 1));
	for (int i = 0; i < c->nhypers; i++)
		set(p, x[0], p->hyper + (unsigned)i,
		    LLVMConstReal(m->f32, (double)(float)c->hyper[i].initial));
	put_state(p, x[0], x[3]);
	llvm_return(p, STATUS_OK);
}

#include "backend/llvm_slice.h"

static LLVMValueRef now(const Module *m, const LlvmSlices *s)
{
	return LLVMBuildLoad2(m->at, m->i32, s->number, "");
}

static void set_now(const Module *m, const LlvmSlices *s, int number)
{
	LLVMBuildStore(m->at, module_int_of(m->i32, number), s->number);
}

If llvm_slice_open(const Module *m, const LlvmSlices *s)
{
	return module_if(m, LLVMBuildICmp(m->at, LLVMIntEQ, now(m, s),
	                                  module_int_of(m->i32, s->next), ""));
}

void llvm_slice_close(const Module *m, LlvmSlices *s, const If *open)
{
	set_now(m, s, ++s->next);
	LLVMBuildRet(m->at, s->more);
	LLVMPositionBuilderAtEnd(m->at, open->after);
}

void llvm_slice_go_on(const Module *m, LlvmSlices *s, const If *open)
{
	set_now(m, s, ++s->next);
	module_end_if(m, open);
}

/* while (first <= number && number < first + slices) */
SlicedFor llvm_sliced_for(const Module *m, const LlvmSlices *s, int depth,
                          int slices)
{
	SlicedFor f = {.first = s->next, .head = module_block(m, "parts")};
	LLVMBuildBr(m->at, f.head);
	LLVMPositionBuilderAtEnd(m->at, f.head);
	LLVMValueRef done = LLVMBuildSub(
		m->at, now(m, s), module_int_of(m->i32, f.first), "");
	If inside = module_if(m, LLVMBuildICmp(
		m->at, LLVMIntULT, done, module_int_of(m->i32, slices), ""));
	f.after = inside.after;
	f.part_at = module_offset(m, s->part, 4 * depth);
	f.part = LLVMBuildIntCast2(m->at, LLVMBuildLoad2(
		m->at, m->i32, f.part_at, ""), m->index, false, "");
	return f;
}

/* part = (part + 1) % parts; number = part ? first : what comes behind */
void llvm_end_sliced_for(const Module *m, LlvmSlices *s, const SlicedFor *f,
                         int64_t parts)
{
	If last = llvm_slice_open(m, s);
	LLVMValueRef zero = LLVMConstNull(m->i32);
	LLVMValueRef next = LLVMBuildAdd(
		m->at, LLVMBuildLoad2(m->at, m->i32, f->part_at, ""),
		module_int_of(m->i32, 1), "");
	LLVMValueRef more = LLVMBuildICmp(m->at, LLVMIntULT, next,
	                                  module_int_of(m->i32, parts), "");
	LLVMBuildStore(m->at, LLVMBuildSelect(m->at, more, next, zero, ""),
	               f->part_at);
	LLVMBuildStore(m->at, LLVMBuildSelect(
		m->at, more, module_int_of(m->i32, f->first),
		module_int_of(m->i32, ++s->next), ""), s->number);
	module_end_if(m, &last);
	LLVMBuildBr(m->at, f->head);
	LLVMPositionBuilderAtEnd(m->at, f->after);
}

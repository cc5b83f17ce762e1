/*
 * NAME_save, NAME_load and NAME_inspect: what is saved, in terms of
 * runtime/store.h, whose structs are here said again, as types. NAME_store and
 * NAME_store_info are its rt_store and rt_store_info.
 */
#include "backend/llvm_program.h"

#include <stdlib.h>
#include <string.h>

/* The functions of a store that a call needs; `user` comes before them. */
enum { STORE_READ = 1, STORE_PROGRAM = 2 };

/* RT_STORE_PARTIAL, and RT_SETTING. */
enum { STORE_PARTIAL = 1, KIND_SETTING = 3 };

/* Of rt_saved. */
enum {
	SAVED_MODEL, SAVED_PART, SAVED_PARTS, SAVED_STATE, SAVED_SETTINGS,
	SAVED_STEP, SAVED_SEED, SAVED_BUFFER, SAVED_BUFFER_BYTES, NSAVED
};

/* ---- tables ---- */

/* The first eight bytes of the model's hash. */
static LLVMValueRef model_id(const LlvmProgram *p)
{
	const char *hex = p->c->o->sha256;
	char id[8] = {0}, byte[3] = {0};
	for (int i = 0; i < 8 && hex && strlen(hex) >= 16; i++) {
		memcpy(byte, hex + 2 * i, 2);
		id[i] = (char)strtoul(byte, NULL, 16);
	}
	return module_bytes(p->m, id, sizeof id, 1);
}

/* Where a hyper-parameter is, from the context's start. */
static int64_t setting_at(const LlvmProgram *p, int hyper)
{
	LLVMTargetDataRef layout = LLVMGetModuleDataLayout(p->m->module);
	return (int64_t)LLVMOffsetOfElement(layout, p->context,
	                                    p->hyper + (unsigned)hyper);
}

/* An rt_part. */
static LLVMValueRef part_row(const LlvmProgram *p, const SavedPart *s,
                             int hyper)
{
	const Module *m = p->m;
	const Variable *v = s->var;
	char dtype[5] = {0};
	int64_t at = v ? p->c->p->offset[v->id] : setting_at(p, hyper);
	strncpy(dtype, dtype_name(v ? v->dtype : DT_F32), sizeof dtype - 1);
	LLVMValueRef field[] = {
		llvm_string(m, s->name),
		LLVMConstStringInContext2(m->context, dtype, sizeof dtype,
		                          true),
		module_int_of(m->i8, v ? (int)v->role : KIND_SETTING),
		module_int(m, at),
		module_int(m, v ? shape_bytes(v->shape, v->dtype) : 4),
	};
	return LLVMConstStructInContext(m->context, field, sizeof field /
	                                sizeof field[0], false);
}

/* The three functions have it each, until LLVM merges what is equal. */
static LLVMValueRef part_table(const LlvmProgram *p, int *n)
{
	const Module *m = p->m;
	SavedPart *part;
	*n = saved_parts(m->arena, p->c->p, &part);
	LLVMValueRef *row = arena_array(m->arena, LLVMValueRef, *n + 1);
	for (int i = 0, hyper = 0; i < *n; i++)
		row[i] = part_row(p, &part[i], part[i].var ? 0 : hyper++);
	if (!*n)
		return LLVMConstNull(m->ptr);
	LLVMValueRef g = llvm_table(m, "", LLVMTypeOf(row[0]), row, *n);
	LLVMSetLinkage(g, LLVMPrivateLinkage);
	LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
	return g;
}

/* ---- rt_saved ---- */

typedef struct Saved {
	LLVMTypeRef type;
	LLVMValueRef at;
} Saved;

static LLVMTypeRef saved_type(const Module *m)
{
	LLVMTypeRef field[NSAVED] = {m->ptr, m->ptr, m->i32, m->ptr, m->ptr,
	                             m->i32, m->i32, m->ptr, m->index};
	return LLVMStructTypeInContext(m->context, field, NSAVED, false);
}

static LLVMValueRef saved_field(const LlvmProgram *p, const Saved *s,
                                unsigned field)
{
	return LLVMBuildStructGEP2(p->m->at, s->type, s->at, field, "");
}

static void describe(const LlvmProgram *p, const Saved *s, LLVMValueRef k)
{
	const Module *m = p->m;
	int n;
	LLVMValueRef table = part_table(p, &n);
	LLVMValueRef field[NSAVED] = {
		[SAVED_MODEL] = model_id(p),
		[SAVED_PART] = table,
		[SAVED_PARTS] = module_int_of(m->i32, n),
		[SAVED_STATE] = llvm_get(p, k, FIELD_STATE, m->ptr),
		[SAVED_SETTINGS] = k,
		[SAVED_STEP] = llvm_get(p, k, p->step, m->i32),
		[SAVED_SEED] = llvm_get(p, k, p->seed, m->i32),
		[SAVED_BUFFER] = llvm_get(p, k, FIELD_ARENA, m->ptr),
		[SAVED_BUFFER_BYTES] = module_int(m, p->c->p->arena_bytes),
	};
	for (unsigned i = 0; i < NSAVED; i++)
		LLVMBuildStore(m->at, field[i], saved_field(p, s, i));
}

/* ---- the functions ---- */

static void check_member(const LlvmProgram *p, LLVMValueRef store, int member)
{
	const Module *m = p->m;
	LLVMValueRef i = module_int(m, member);
	llvm_return_if_null(p, LLVMBuildLoad2(
		m->at, m->ptr, LLVMBuildInBoundsGEP2(m->at, m->ptr, store, &i,
		                                     1, ""), ""));
}

/* Checks k and the store, and describes what is saved. */
static Saved start(const LlvmProgram *p, LLVMValueRef k, LLVMValueRef store)
{
	const Module *m = p->m;
	Saved s = {.type = saved_type(m)};
	llvm_check_context(p, k);
	llvm_return_if_null(p, store);
	check_member(p, store, STORE_READ);
	if (c_has_slices(p->c))
		llvm_return_if(p, LLVMBuildIsNotNull(m->at, llvm_get(
			p, k, p->slice, m->i32), ""), STATUS_BUSY);
	s.at = LLVMBuildAlloca(m->at, s.type, "");
	describe(p, &s, k);
	return s;
}

static LLVMValueRef call(const LlvmProgram *p, const char *fn,
                         LLVMValueRef const arg[])
{
	return module_call(p->m, module_runtime(p->m, fn), arg);
}

static void return_result(const LlvmProgram *p, LLVMValueRef result)
{
	static const char of[] = {   /* in the order of RT_STORE_... */
		STATUS_OK, STATUS_LOADED_WEIGHTS, STATUS_EMPTY, STATUS_MODEL,
		STATUS_LAYOUT, STATUS_VERSION, STATUS_CORRUPT, STATUS_STORAGE,
		STATUS_SIZE,
	};
	const Module *m = p->m;
	LLVMValueRef i = LLVMBuildIntCast2(m->at, result, m->index, true, "");
	LLVMValueRef at = LLVMBuildInBoundsGEP2(
		m->at, m->i8, module_bytes(m, of, sizeof of, 1), &i, 1, "");
	LLVMBuildRet(m->at, LLVMBuildIntCast2(
		m->at, LLVMBuildLoad2(m->at, m->i8, at, ""), p->status, false,
		""));
}

static void put_save(const LlvmProgram *p)
{
	LLVMValueRef x[2];
	LLVMGetParams(llvm_function(p, "save", (LLVMTypeRef[]){
		p->m->ptr, p->m->ptr}, 2), x);
	llvm_check_context(p, x[0]);
	llvm_return_if_null(p, x[1]);
	check_member(p, x[1], STORE_PROGRAM);
	Saved s = start(p, x[0], x[1]);
	return_result(p, call(p, "rt_save", (LLVMValueRef[]){s.at, x[1]}));
}

static void put_inspect(const LlvmProgram *p)
{
	LLVMValueRef x[3];
	LLVMGetParams(llvm_function(p, "inspect", (LLVMTypeRef[]){
		p->m->ptr, p->m->ptr, p->m->ptr}, 3), x);
	llvm_return_if_null(p, x[2]);
	Saved s = start(p, x[0], x[1]);
	return_result(p, call(p, "rt_inspect",
	                      (LLVMValueRef[]){s.at, x[1], x[2]}));
}

/* Of the optimizer's state, what does not begin as zeros. */
static void reset(const LlvmProgram *p, LLVMValueRef k, LLVMValueRef result)
{
	const Module *m = p->m;
	const Model *model = p->c->p->model;
	If partial = module_if(m, LLVMBuildICmp(
		m->at, LLVMIntEQ, result,
		module_int_of(m->i32, STORE_PARTIAL), ""));
	for (int i = 0; i < model->nvars; i++)
		if (model->var[i]->mutable &&
		    model->var[i]->role == VAR_OPTIMIZER)
			llvm_put_variable(p, k, model->var[i]);
	module_end_if(m, &partial);
}

static void put_load(const LlvmProgram *p)
{
	const Module *m = p->m;
	LLVMValueRef x[2];
	LLVMGetParams(llvm_function(p, "load", (LLVMTypeRef[]){m->ptr, m->ptr},
	                            2), x);
	Saved s = start(p, x[0], x[1]);
	LLVMValueRef result = call(p, "rt_load", (LLVMValueRef[]){s.at, x[1]});
	LLVMBuildStore(m->at, LLVMBuildLoad2(
		m->at, m->i32, saved_field(p, &s, SAVED_STEP), ""),
		llvm_field(p, x[0], p->step));
	LLVMBuildStore(m->at, LLVMBuildLoad2(
		m->at, m->i32, saved_field(p, &s, SAVED_SEED), ""),
		llvm_field(p, x[0], p->seed));
	reset(p, x[0], result);
	return_result(p, result);
}

void llvm_put_save(const LlvmProgram *p)
{
	if (!p->c->p->train)
		return;
	put_save(p);
	put_load(p);
	put_inspect(p);
}

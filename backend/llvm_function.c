/* NAME_train_step, NAME_infer, NAME_evaluate: the steps, and what is around. */
#include "backend/c_slice.h"
#include "backend/llvm_program.h"

#include <string.h>

/* One of them while it is made. */
typedef struct Function {
	LlvmBody body;               /* first: the body's functions get that */
	const LlvmProgram *p;
	LLVMValueRef k, feed;
	LLVMValueRef *arg;           /* by argument; NULL: it is fed */
	LlvmSlices slices;
} Function;

static const Function *function_of(const LlvmBody *b)
{
	return b->function;
}

static int find_arg(const CFunction *f, const Value *v)
{
	for (int i = 0; i < f->nargs; i++)
		if (value_viewed(f->arg[i].v) == v)
			return i;
	BUG("%%%s is no argument", v->name);
}

/* ---- what the steps ask for ---- */

static LLVMValueRef context(const LlvmBody *b, const Value *input)
{
	const Function *f = function_of(b);
	if (input->role == IN_STEP)
		return llvm_field(f->p, f->k, f->p->step);
	if (input->role == IN_SEED)
		return llvm_field(f->p, f->k, f->p->step_seed);
	for (int i = 0; i < b->c->nhypers; i++)
		if (!strcmp(b->c->hyper[i].onnx, input->name))
			return llvm_field(f->p, f->k,
			                  f->p->hyper + (unsigned)i);
	BUG("input %%%s is not in the context", input->name);
}

static LLVMValueRef fed(const LlvmBody *b, const Value *input)
{
	return function_of(b)->arg[find_arg(b->f, input)];
}

/* NAME_feed is pointers: the caller's own, then a function for each input. */
static LLVMValueRef feed_member(const Function *f, int member)
{
	const Module *m = f->body.m;
	LLVMValueRef i = module_int(m, member);
	return LLVMBuildLoad2(m->at, m->ptr, LLVMBuildInBoundsGEP2(
		m->at, m->ptr, f->feed, &i, 1, ""), "");
}

static int member_of(const CFunction *f, const Value *input)
{
	int member = 1;
	for (int i = find_arg(f, input) - 1; i >= 0; i--)
		member += f->arg[i].fed;
	return member;
}

static void feed(const LlvmBody *b, const Value *input, LLVMValueRef to,
                 LLVMValueRef first, int64_t count)
{
	const Function *f = function_of(b);
	const Module *m = b->m;
	LLVMTypeRef param[] = {m->ptr, m->ptr, m->index, m->index};
	LLVMValueRef arg[] = {feed_member(f, 0), to, first,
	                      module_int(m, count)};
	LLVMBuildCall2(m->at, LLVMFunctionType(m->nothing, param, 4, false),
	               feed_member(f, member_of(b->f, input)), arg, 4, "");
}

/* ---- around the steps ---- */

static void check_feed(const Function *f)
{
	const CFunction *c = f->body.f;
	if (f->feed)
		llvm_return_if_null(f->p, f->feed);
	for (int i = 0; i < c->nargs; i++) {
		if (!c->arg[i].fed)
			continue;
		llvm_return_if_null(f->p, f->feed
			? feed_member(f, member_of(c, c->arg[i].v))
			: f->arg[i]);
	}
}

/* Between the caller's array, if it gives one, and the value's place. */
static void copy(const Function *f, int i)
{
	const Module *m = f->body.m;
	const CArg *a = &f->body.f->arg[i];
	unsigned align = (unsigned)dtype_size(a->v->dtype);
	If given = module_if(m, LLVMBuildIsNotNull(m->at, f->arg[i], ""));
	LLVMValueRef place = llvm_address(&f->body, a->v);
	LLVMBuildMemCpy(m->at, a->input ? place : f->arg[i], align,
	                a->input ? f->arg[i] : place, align,
	                module_int(m, value_bytes(a->v)));
	module_end_if(m, &given);
}

static void put_inputs(const Function *f)
{
	for (int i = 0; i < f->body.f->nargs; i++) {
		const CArg *a = &f->body.f->arg[i];
		Region region = f->body.plan->place[a->v->id].region;
		if (a->input && !a->fed && region == REGION_ARENA)
			copy(f, i);
	}
}

static void count_step(const Function *f)
{
	const Module *m = f->body.m;
	const LlvmProgram *p = f->p;
	LLVMValueRef step = LLVMBuildAdd(
		m->at, llvm_get(p, f->k, p->step, m->i32),
		module_int_of(m->i32, 1), "");
	LLVMBuildStore(m->at, step, llvm_field(p, f->k, p->step));
	LLVMValueRef mixed = module_call(
		m, module_runtime(m, "rt_mix"),
		(LLVMValueRef[]){llvm_get(p, f->k, p->seed, m->i32), step});
	LLVMBuildStore(m->at, mixed, llvm_field(p, f->k, p->step_seed));
}

static void put_start(const Function *f)
{
	put_inputs(f);
	if (f->body.plan == f->p->c->p->train)
		count_step(f);
}

static void put_outputs(const Function *f)
{
	for (int i = 0; i < f->body.f->nargs; i++)
		if (!f->body.f->arg[i].input && !f->body.f->arg[i].fed)
			copy(f, i);
}

/* ---- the function ---- */

/* k, what feeds, then the arguments that it does not. */
static int add_params(const CProgram *c, const CFunction *fn,
                      const Module *m, LLVMTypeRef param[])
{
	int n = 0;
	bool feeds = c_feeds(c, fn);
	param[n++] = m->ptr;
	if (feeds)
		param[n++] = m->ptr;
	for (int i = 0; i < fn->nargs; i++)
		if (!feeds || !fn->arg[i].fed)
			param[n++] = m->ptr;
	return n;
}

static void name_params(Function *f, LLVMValueRef fn)
{
	const CFunction *c = f->body.f;
	unsigned n = 0;
	bool feeds = c_feeds(f->p->c, c);
	f->k = LLVMGetParam(fn, n++);
	if (feeds)
		f->feed = LLVMGetParam(fn, n++);
	for (int i = 0; i < c->nargs; i++)
		if (!feeds || !c->arg[i].fed)
			f->arg[i] = LLVMGetParam(fn, n++);
}

static void load_memory(Function *f)
{
	const Module *m = f->body.m;
	f->body.arena = llvm_get(f->p, f->k, FIELD_ARENA, m->ptr);
	f->body.state = llvm_get(f->p, f->k, FIELD_STATE, m->ptr);
	if (c_weights_bin(f->p->c))
		f->body.weights = llvm_get(f->p, f->k, f->p->weights, m->ptr);
}

/* What has slices is not disturbed between two of them. */
static void put_whole(const Function *f, const CStep step[])
{
	const Module *m = f->body.m;
	if (c_has_slices(f->p->c))
		llvm_return_if(f->p, LLVMBuildIsNotNull(m->at, llvm_get(
			f->p, f->k, f->p->slice, m->i32), ""), STATUS_BUSY);
	put_start(f);
	llvm_steps(&f->body, step);
	put_outputs(f);
}

static void put_sliced(Function *f, const CStep step[])
{
	const Module *m = f->body.m;
	const LlvmProgram *p = f->p;
	f->slices = (LlvmSlices){
		.number = llvm_field(p, f->k, p->slice),
		.part = p->part ? llvm_field(p, f->k, p->part) : NULL,
		.more = module_int_of(p->status, STATUS_MORE),
	};
	f->body.slices = &f->slices;
	If first = llvm_slice_open(m, &f->slices);
	put_start(f);
	llvm_slice_go_on(m, &f->slices, &first);
	llvm_steps(&f->body, step);
	put_outputs(f);
	LLVMBuildStore(m->at, LLVMConstNull(m->i32), f->slices.number);
}

/* NAME_train_step: all that NAME_train_slice has to do. */
static void put_all_slices(const LlvmProgram *p, const LLVMTypeRef param[],
                           int n)
{
	const Module *m = p->m;
	LLVMValueRef *arg = arena_array(m->arena, LLVMValueRef, n);
	LLVMValueRef slice = LLVMGetNamedFunction(m->module, arena_printf(
		m->arena, "%s_train_slice", p->c->name));
	LLVMGetParams(llvm_function(p, "train_step", param, n), arg);
	LLVMBasicBlockRef again = module_block(m, "again");
	LLVMBuildBr(m->at, again);
	LLVMPositionBuilderAtEnd(m->at, again);
	LLVMValueRef status = module_call(m, slice, arg);
	LLVMBasicBlockRef done = module_block(m, "done");
	LLVMBuildCondBr(m->at, LLVMBuildICmp(
		m->at, LLVMIntEQ, status,
		module_int_of(p->status, STATUS_MORE), ""), again, done);
	LLVMPositionBuilderAtEnd(m->at, done);
	LLVMBuildRet(m->at, status);
}

static void put_function(const LlvmProgram *p, const CFunction *fn,
                         const CStep step[])
{
	Module *m = p->m;
	Function f = {.p = p, .body = {
		.m = m, .c = p->c, .f = fn, .plan = fn->plan,
		.context = context, .fed = fed, .feed = feed,
	}};
	LLVMTypeRef *param = arena_array(m->arena, LLVMTypeRef, fn->nargs + 2);
	f.arg = arena_array(m->arena, LLVMValueRef, fn->nargs + 1);
	f.body.function = &f;
	int n = add_params(p->c, fn, m, param);
	name_params(&f, llvm_function(p, fn->name, param, n));
	llvm_check_context(p, f.k);
	check_feed(&f);
	load_memory(&f);
	if (c_is_sliced(p->c, fn))
		put_sliced(&f, step);
	else
		put_whole(&f, step);
	llvm_return(p, STATUS_OK);
	if (f.body.slices)
		put_all_slices(p, param, n);
}

void llvm_put_functions(const LlvmProgram *p, const CStep *const step[])
{
	for (int f = 0; f < p->c->nfns; f++)
		put_function(p, &p->c->fn[f], step[f]);
}

#include "backend/llvm_steps.h"

#include "backend/c_slice.h"
#include "backend/llvm_kernel.h"
#include "ir/feed.h"
#include "ir/op.h"
#include "ir/scan.h"

#include <string.h>

/* ---- where a value is ---- */

static const void *contents(const Module *m, const CArray *a)
{
	if (a->data)
		return a->data;
	void *data = arena_alloc(m->arena, (size_t)array_bytes(a));
	Scalar x = dtype_is_float(a->dtype) ? (Scalar){.f = a->fill}
	                                    : (Scalar){.i = (int64_t)a->fill};
	for (int64_t i = 0; i < numel(a->shape); i++)
		dtype_put(a->dtype, data, i, x);
	return data;
}

LLVMValueRef llvm_array(const Module *m, const CArray *a)
{
	LLVMValueRef g = LLVMGetNamedGlobal(m->module, a->name);
	if (g)
		return g;
	g = module_bytes(m, contents(m, a), array_bytes(a), WEIGHTS_ALIGN);
	LLVMSetValueName2(g, a->name, strlen(a->name));
	return g;
}

/* Constants and variables that nobody writes. */
static LLVMValueRef constant(const LlvmBody *b, const Value *base)
{
	const CProgram *c = b->c;
	const CArray *a = base->kind == V_CONST
	                  ? c_array_of(c, base)
	                  : &c->array[c->of_var[base->var->id]];
	if (!a->small && c_weights_bin(c))
		return module_offset(b->m, b->weights, a->offset);
	return llvm_array(b->m, a);
}

/* A value of the Scan's graph is in what the node reads or writes. */
static LLVMValueRef outer_address(const LlvmBody *b, const Place *p)
{
	const Module *m = b->m;
	const Value *base = p->base;
	int i = scan_input(b->scan, base), o = scan_output(b->scan, base);
	if (i < 0 && o < 0)
		return b->part_at;
	LLVMValueRef at = llvm_address(b->outer, i >= 0 ? b->scan->in[i]
	                                                : b->scan->out[o]);
	bool in_part = i >= 0 ? base->role == IN_PART
	             : b->scan->scan->graph->output[o].role == OUT_ROWS;
	if (in_part) {
		LLVMValueRef by = LLVMBuildNSWMul(
			m->at, b->part, module_int(m, value_bytes(base)), "");
		at = LLVMBuildInBoundsGEP2(m->at, m->i8, at, &by, 1, "");
	}
	return module_offset(m, at, p->offset);
}

LLVMValueRef llvm_address(const LlvmBody *b, const Value *v)
{
	const Module *m = b->m;
	const Place *p = &b->plan->place[v->id];
	switch (p->region) {
	case REGION_ARENA:
		return module_offset(m, b->arena, p->offset);
	case REGION_STATE:
		return module_offset(m, b->state, p->offset +
		                     b->c->p->offset[p->base->var->id]);
	case REGION_CONST:
		return module_offset(m, constant(b, p->base), p->offset);
	case REGION_CONTEXT:
		return b->context(b, p->base);
	case REGION_CALLER:
		return module_offset(m, b->fed(b, p->base), p->offset);
	case REGION_OUTER:
		return outer_address(b, p);
	case REGION_NONE:
		break;
	}
	BUG("%%%s has no place in memory", v->name);
}

/* ---- steps ---- */

static If open_slice(const LlvmBody *b)
{
	return b->slices ? llvm_slice_open(b->m, b->slices) : (If){NULL, NULL};
}

static void close_slice(const LlvmBody *b, const If *open)
{
	if (b->slices)
		llvm_slice_close(b->m, b->slices, open);
}

static void put_call(const LlvmBody *b, const CStep *step)
{
	const CKernel *c = step->kernel;
	LLVMValueRef fn = LLVMGetNamedFunction(b->m->module, step->name);
	LLVMValueRef *arg = arena_array(b->m->arena, LLVMValueRef,
	                                c->nparams + 1);
	if (!fn)
		fn = llvm_kernel(b->m, c, step->name);
	If slice = open_slice(b);
	for (int i = 0; i < c->nparams; i++)
		arg[i] = llvm_address(b, c->param[i].v);
	LLVMBuildCall2(b->m->at, LLVMGlobalGetValueType(fn), fn, arg,
	               (unsigned)c->nparams, "");
	close_slice(b, &slice);
}

static void put_feed(const LlvmBody *b, const Node *n)
{
	const Value *base = b->plan->place[n->in[0]->id].base;
	const Value *input = b->scan ? b->scan->in[scan_input(b->scan, base)]
	                             : base;
	const Ask ask = feed_ask(n, feed_unit(b->c->p, input->name));
	int64_t part = numel(n->in[0]->shape) / ask.unit;
	int64_t bytes = ask.count * ask.unit * dtype_size(input->dtype);
	LLVMValueRef first = module_int(b->m, 0);
	if (b->scan && base->role == IN_PART)
		first = LLVMBuildNSWMul(b->m->at, b->part,
		                        module_int(b->m, part), "");
	If slice = open_slice(b);
	LLVMValueRef to = llvm_address(b, n->out[0]);
	for (int64_t i = 0; i < ask.calls; i++)
		b->feed(b, input, module_offset(b->m, to, i * bytes),
		        LLVMBuildNSWAdd(b->m->at, first, module_int(
				b->m, ask.first + i * ask.apart), ""),
		        ask.count);
	close_slice(b, &slice);
}

/* Sums over the parts begin with zeros, unless they are of the state. */
static bool begins_with_zeros(const Node *n, int o)
{
	return n->scan->graph->output[o].role == OUT_SUM && !n->out[o]->var;
}

static bool has_sums(const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (begins_with_zeros(n, o))
			return true;
	return false;
}

static void clear_sums(const LlvmBody *b, const Node *n)
{
	const Module *m = b->m;
	for (int o = 0; o < n->scan->graph->noutputs; o++)
		if (begins_with_zeros(n, o))
			LLVMBuildMemSet(m->at, llvm_address(b, n->out[o]),
			                LLVMConstNull(m->i8), module_int(
				m, value_bytes(n->out[o])), 1);
}

/* In the function's first block, so that it is there once. */
static LLVMValueRef part_in_memory(const Module *m)
{
	LLVMBasicBlockRef now = LLVMGetInsertBlock(m->at);
	LLVMBasicBlockRef entry = LLVMGetEntryBasicBlock(
		LLVMGetBasicBlockParent(now));
	LLVMPositionBuilder(m->at, entry, LLVMGetFirstInstruction(entry));
	LLVMValueRef at = LLVMBuildAlloca(m->at, m->i32, "");
	LLVMPositionBuilderAtEnd(m->at, now);
	return at;
}

static int count_outer(const LlvmBody *b)
{
	return b ? 1 + count_outer(b->outer) : 0;
}

static void set_part(LlvmBody *in, LLVMValueRef part)
{
	const Module *m = in->m;
	in->part = part;
	LLVMBuildStore(m->at, LLVMBuildIntCast2(m->at, part, m->i32, true, ""),
	               in->part_at);
}

static void put_parts(LlvmBody *in, const CStep step[])
{
	For parts = module_for(in->m, in->scan->scan->parts);
	set_part(in, parts.i);
	llvm_steps(in, step);
	module_end_for(in->m, &parts);
}

static void put_sliced_parts(LlvmBody *in, const CStep step[])
{
	SlicedFor parts = llvm_sliced_for(in->m, in->slices,
	                                  count_outer(in->outer->outer),
	                                  c_loop_slices(in->plan, step));
	set_part(in, parts.part);
	llvm_steps(in, step);
	llvm_end_sliced_for(in->m, in->slices, &parts, in->scan->scan->parts);
}

/* Clearing sums takes no time, so it is no slice that returns. */
static void put_scan(const LlvmBody *b, const Node *n, const CStep step[])
{
	const Module *m = b->m;
	LlvmBody in = *b;
	If clearing = {NULL, NULL};
	if (b->slices && has_sums(n))
		clearing = llvm_slice_open(m, b->slices);
	clear_sums(b, n);
	if (b->slices && has_sums(n))
		llvm_slice_go_on(m, b->slices, &clearing);
	in.outer = b;
	in.scan = n;
	in.plan = n->scan->plan;
	in.arena = in.plan->arena_bytes
	           ? llvm_address(b, node_workspace(n)) : NULL;
	in.part_at = part_in_memory(m);
	if (b->slices)
		put_sliced_parts(&in, step);
	else
		put_parts(&in, step);
}

void llvm_steps(const LlvmBody *b, const CStep step[])
{
	for (int i = 0; i < b->plan->nsteps; i++)
		if (step[i].scan)
			put_scan(b, b->plan->step[i], step[i].scan);
		else if (step[i].feed)
			put_feed(b, b->plan->step[i]);
		else if (step[i].name)
			put_call(b, &step[i]);
}

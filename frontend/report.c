#include "frontend/report.h"

#include "frontend/report_budget.h"
#include "frontend/report_thin.h"
#include "frontend/report_plan.h"
#include "frontend/text_fit.h"
#include "ir/op.h"

#include <inttypes.h>
#include <stdlib.h>

int64_t report_batch(const Program *p)
{
	return graph_batch(report_plan(p)->graph);
}

void report_state(const Program *p, int64_t bytes[NMEMCLASS])
{
	for (int c = 0; c < NMEMCLASS; c++)
		bytes[c] = 0;
	for (int i = 0; i < p->model->nvars; i++) {
		const Variable *v = p->model->var[i];
		int64_t n = shape_bytes(v->shape, v->dtype);
		if (!v->mutable || p->offset[i] < 0)
			continue;
		bytes[v->role == VAR_OPTIMIZER ? MEM_OPTIMIZER : MEM_PARAMETER]
			+= n;
	}
}

void report_peak(const Program *p, int64_t bytes[NMEMCLASS])
{
	report_state(p, bytes);
	for (int c = 0; c < NMEMCLASS; c++)
		bytes[c] += report_plan(p)->peak[c];
}

static const char *peak_node(const Plan *plan)
{
	const Node *n = plan->nsteps ? plan->step[plan->peak_step] : NULL;
	return n && n->loc.node ? n->loc.node : "";
}

static json_t *peak_json(const Program *p)
{
	int64_t bytes[NMEMCLASS];
	json_t *o = json_object();
	report_peak(p, bytes);
	json_object_set_new(o, "node",
	                    text_json(peak_node(report_plan(p))));
	for (int c = 0; c < NMEMCLASS; c++)
		json_object_set_new(o, memory_class_name((MemoryClass)c),
		                    json_integer(bytes[c]));
	return o;
}

static void add_function(json_t *o, const char *name, const Plan *plan)
{
	if (plan)
		json_object_set_new(o, name, json_pack(
			"{s:I, s:I, s:I, s:b, s:I, s:i}",
			"arena_bytes", (json_int_t)plan->arena_bytes,
			"lower_bound_bytes", (json_int_t)plan->lower_bound,
			"order_bound_bytes", (json_int_t)plan->order_bound,
			"order_optimal", plan->order_optimal,
			"flops", (json_int_t)plan->cost.flops,
			"steps", plan->nsteps));
}

static json_t *functions_json(const Program *p)
{
	json_t *o = json_object();
	add_function(o, "train", p->train);
	add_function(o, "infer", p->infer);
	add_function(o, "evaluate", p->evaluate);
	return o;
}

json_t *report_summary(const Program *p, const ReportInfo *info)
{
	const Plan *plan = report_plan(p);
	json_t *o = json_pack(
		"{s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:I, s:b, "
		"s:I, s:I, s:o}",
		"model", p->model->name, "target", info->target,
		"batch", (json_int_t)report_batch(p),
		"loss", info->loss, "optimizer", info->optimizer,
		"arena_bytes", (json_int_t)p->arena_bytes,
		"state_bytes", (json_int_t)p->state_bytes,
		"const_bytes", (json_int_t)p->const_bytes,
		"peak", peak_json(p),
		"lower_bound_bytes", (json_int_t)plan->lower_bound,
		"order_bound_bytes", (json_int_t)plan->order_bound,
		"order_optimal", plan->order_optimal,
		"flops", (json_int_t)plan->cost.flops,
		"recomputed_flops", (json_int_t)plan->recomputed_flops,
		"functions", functions_json(p));
	if (info->code_bytes)
		json_object_set_new(o, "flash", json_pack(
			"{s:I, s:I}",
			"code_bytes", (json_int_t)info->code_bytes,
			"constant_bytes", (json_int_t)info->rodata_bytes));
	report_thin_json(o, p);
	report_budget_json(o, p);
	return o;
}

json_t *report_json(const Program *p, const ReportInfo *info)
{
	const Plan *plan = report_plan(p);
	json_t *o = report_summary(p, info);
	json_object_set_new(o, "steps", plan_steps_json(plan));
	json_object_set_new(o, "buffers", plan_buffers_json(plan));
	return o;
}

void json_print(FILE *f, json_t *j)
{
	json_dumpf(j, f, JSON_INDENT(2));
	fputc('\n', f);
	json_decref(j);
}

/* ---- as text ---- */

static int larger_first(const void *a, const void *b)
{
	const Buffer *x = *(const Buffer *const *)a;
	const Buffer *y = *(const Buffer *const *)b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x < y ? -1 : x > y;
}

static void print_buffers(FILE *f, const Plan *plan, int count)
{
	Arena *scratch = arena_create();
	const Buffer **sorted = arena_array(scratch, const Buffer *,
	                                    plan->nbuffers + 1);
	for (int i = 0; i < plan->nbuffers; i++)
		sorted[i] = &plan->buffer[i];
	const Node **writer = plan_writers(scratch, plan);
	qsort(sorted, (size_t)plan->nbuffers, sizeof *sorted, larger_first);
	if (count > plan->nbuffers)
		count = plan->nbuffers;
	fprintf(f, "\n%-30s %-11s %12s %12s  %s\n", "largest buffers", "class",
	        "bytes", "offset", "steps");
	for (int i = 0; i < count; i++)
		fprintf(f, "  %s %-11s %12" PRId64 " %12" PRId64 "  %d..%d\n",
		        text_cell(scratch, plan_title(
				scratch, sorted[i],
				writer[sorted[i] - plan->buffer]), 28),
		        memory_class_name(sorted[i]->memory),
		        sorted[i]->bytes, sorted[i]->offset,
		        sorted[i]->first, sorted[i]->last);
	arena_destroy(scratch);
}

static void print_row(FILE *f, const char *what, int64_t bytes,
                      const char *note)
{
	fprintf(f, "  %-14s %12" PRId64 "  %s\n", what, bytes, note);
}

static void print_function(FILE *f, const char *name, const Plan *plan)
{
	if (plan)
		fprintf(f, "  %-14s %12" PRId64 "  %.4g Mflop, %d steps\n",
		        name, plan->arena_bytes,
		        (double)plan->cost.flops / 1e6, plan->nsteps);
}

void report_table(FILE *f, const Program *p, const ReportInfo *info,
                  int nbuffers)
{
	const Plan *plan = report_plan(p);
	int64_t peak[NMEMCLASS];
	report_peak(p, peak);
	fprintf(f, "%s for %s: batch %" PRId64 ", loss %s, optimizer %s\n\n",
	        p->model->name, info->target, report_batch(p), info->loss,
	        info->optimizer);
	fprintf(f, "memory                  bytes\n");
	print_row(f, "arena", p->arena_bytes, "RAM while a function runs");
	print_row(f, "state", p->state_bytes, "RAM always: what is written");
	print_row(f, "constants", p->const_bytes, "may stay in flash");
	if (info->code_bytes) {
		print_row(f, "code", info->code_bytes,
		          "flash: all functions, compiled by LLVM");
		print_row(f, "with it", info->rodata_bytes,
		          "flash: constants, first weights, tables");
	}
	fprintf(f, "\narena of                bytes\n");
	print_function(f, "train", p->train);
	print_function(f, "infer", p->infer);
	print_function(f, "evaluate", p->evaluate);
	fprintf(f, "\nat the peak of %s, %s '%s', step %d of %d\n",
	        plan->graph->name, plan->nsteps
	        ? plan->step[plan->peak_step]->op->name : "node",
	        peak_node(plan), plan->peak_step, plan->nsteps);
	for (int c = 0; c < NMEMCLASS; c++)
		print_row(f, memory_class_name((MemoryClass)c), peak[c], "");
	print_row(f, "lower bound", plan->lower_bound,
	          "the arena's, in this order of the steps");
	print_row(f, "order bound", plan->order_bound, plan->order_optimal
	          ? "in any order: this one is optimal" : "in any order");
	report_thin_table(f, p);
	report_budget_table(f, p);
	if (nbuffers) {
		plan_picture(f, plan);
		print_buffers(f, plan, nbuffers);
	}
}

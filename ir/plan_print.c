/* A plan as text: for people, and for tests that compare plans. */
#include "ir/op.h"
#include "ir/plan.h"

static const char *const region_names[] = {
	[REGION_NONE] = "none", [REGION_ARENA] = "arena",
	[REGION_STATE] = "state", [REGION_CONST] = "const",
	[REGION_CONTEXT] = "context", [REGION_OUTER] = "outer",
	[REGION_CALLER] = "caller",
};

static void print_place(FILE *f, const Plan *plan, const Value *v)
{
	const Place *p = &plan->place[v->id];
	fprintf(f, " %%%s", v->name);
	if (p->region == REGION_ARENA)
		fprintf(f, "@%lld", (long long)p->offset);
	else if (p->region != REGION_NONE)
		fprintf(f, "@%s:%s", region_names[p->region], p->base->var
		        ? p->base->var->name : p->base->name);
}

static void print_step(FILE *f, const Plan *plan, int i)
{
	const Node *n = plan->step[i];
	fprintf(f, "%6d ", i);
	for (int o = 0; o < n->nout; o++)
		print_place(f, plan, n->out[o]);
	fprintf(f, " = %s", n->op->name);
	for (int k = 0; k < n->nin; k++)
		if (n->in[k])
			print_place(f, plan, n->in[k]);
	fprintf(f, "%s\n", plan_skips(plan, n) ? "  (view)" : "");
}

static void print_buffer(FILE *f, const Buffer *b)
{
	fprintf(f, "%10lld %10lld %6d %6d  %-11s %s\n", (long long)b->offset,
	        (long long)b->bytes, b->first, b->last,
	        memory_class_name(b->memory), b->name);
}

void plan_print(FILE *f, const Plan *plan)
{
	fprintf(f, "plan %s: arena %lld, lower bound %lld, peak at step %d\n",
	        plan->graph->name, (long long)plan->arena_bytes,
	        (long long)plan->lower_bound, plan->peak_step);
	fprintf(f, "order: at least %lld in any%s\n",
	        (long long)plan->order_bound,
	        plan->order_optimal ? ", so this is optimal" : "");
	for (int c = 0; c < NMEMCLASS; c++)
		if (plan->peak[c])
			fprintf(f, "peak %s: %lld\n",
			        memory_class_name((MemoryClass)c),
			        (long long)plan->peak[c]);
	fprintf(f, "cost: %lld flops, %lld bytes\n",
	        (long long)plan->cost.flops, (long long)plan->cost.bytes);
	for (int i = 0; i < plan->nsteps; i++)
		print_step(f, plan, i);
	fprintf(f, "    offset      bytes  first   last  class       value\n");
	for (int b = 0; b < plan->nbuffers; b++)
		print_buffer(f, &plan->buffer[b]);
}

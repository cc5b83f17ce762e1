/* What a plan says of where single values are, and when. */
#include "passes/check_plan.h"

const char *check_arena_place(Arena *a, const Plan *plan, const Value *v)
{
	const Place *p = &plan->place[v->id];
	if (p->buffer < 0 || p->buffer >= plan->nbuffers)
		return arena_printf(a, "%%%s is in buffer %d of %d", v->name,
		                    p->buffer, plan->nbuffers);
	const Buffer *b = &plan->buffer[p->buffer];
	if (p->offset < b->offset ||
	    p->offset + value_bytes(v) > b->offset + b->bytes)
		return arena_printf(a, "%%%s is not inside its buffer", v->name);
	if (p->offset % dtype_size(v->dtype))
		return arena_printf(a, "%%%s is not aligned", v->name);
	return NULL;
}

bool is_scan_result(const Graph *g, const Value *v)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == v && (g->output[i].role == OUT_ROWS ||
		                                g->output[i].role == OUT_SUM))
			return true;
	return false;
}

static Region region_of_input(const Value *v)
{
	if (value_is_data(v))
		return v->fed ? REGION_CALLER : REGION_ARENA;
	return v->role >= IN_PART ? REGION_OUTER : REGION_CONTEXT;
}

/* Where v may be if it is its own memory, not a view's. */
static bool region_fits(const Graph *g, const Value *v, Region r)
{
	switch (v->kind) {
	case V_CONST:
		return r == REGION_CONST ||
		       (r == REGION_NONE && numel(v->shape) == 1);
	case V_VARIABLE:
		return r == (v->var->mutable ? REGION_STATE : REGION_CONST);
	case V_INPUT:
		return r == region_of_input(v);
	case V_RESULT:
		break;
	}
	return r == (v->var ? REGION_STATE : is_scan_result(g, v)
	             ? REGION_OUTER : v->fed ? REGION_CALLER : REGION_ARENA);
}

const char *check_place(Arena *a, const Plan *plan, const Value *v)
{
	const Place *p = &plan->place[v->id];
	if (!region_fits(plan->graph, v, p->region))
		return arena_printf(a, "%%%s is in region %d", v->name,
		                    p->region);
	if (p->region == REGION_ARENA)
		return check_arena_place(a, plan, v);
	if (!p->base || p->base->var != v->var)
		return arena_printf(a, "%%%s is not where its variable is",
		                    v->name);
	if (p->region == REGION_CALLER && p->base != v)
		return arena_printf(a, "%%%s is not where the caller has it",
		                    v->name);
	if (p->region == REGION_OUTER && p->base != (v->total ? v->total : v))
		return arena_printf(a, "%%%s is not where the Scan has it",
		                    v->name);
	return NULL;
}

/* Is the value in what its buffer has at that step? */
static bool in_window(const Buffer *b, int64_t at, int64_t bytes, int step)
{
	for (int i = 0; i < b->nwindows; i++) {
		const BufferWindow *w = &b->window[i];
		if (w->first <= step && step <= w->last)
			return at >= b->offset + w->low &&
			       at + bytes <= b->offset + w->high;
	}
	return !b->nwindows;
}

const char *check_life(Arena *a, const Plan *plan, const Value *v, int step)
{
	const Place *p = &plan->place[v->id];
	if (p->region != REGION_ARENA)
		return NULL;
	const Buffer *b = &plan->buffer[p->buffer];
	if (step < b->first || step > b->last)
		return arena_printf(a, "%%%s is used at step %d, its buffer "
		                    "lives from %d to %d", v->name, step,
		                    b->first, b->last);
	if (!in_window(b, p->offset, value_bytes(v), step))
		return arena_printf(a, "%%%s is used at step %d, but not inside "
		                    "of what its buffer takes then", v->name,
		                    step);
	return NULL;
}

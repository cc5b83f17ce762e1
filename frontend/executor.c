#include "frontend/executor.h"

#include <string.h>

/* What the state begins with: the model's contents, or zeros and the like. */
static void fill_variable(const Variable *v, void *to)
{
	int64_t n = numel(v->shape);
	Scalar x = dtype_is_float(v->dtype) ? (Scalar){.f = v->fill}
	                                    : (Scalar){.i = (int64_t)v->fill};
	if (v->data)
		memcpy(to, v->data, (size_t)shape_bytes(v->shape, v->dtype));
	else
		for (int64_t i = 0; i < n; i++)
			dtype_put(v->dtype, to, i, x);
}

static unsigned char *aligned_alloc_in(Arena *a, int64_t size, int64_t align)
{
	uintptr_t p = (uintptr_t)arena_alloc(a, (size_t)(size + align));
	return (unsigned char *)((p + (uintptr_t)align - 1) /
	                         (uintptr_t)align * (uintptr_t)align);
}

static void find_hypers(Executor *e, const Plan *train)
{
	const Value *v;
	for (int i = 0; (v = plan_input(train, IN_HYPER, i)); i++) {
		if (i == MAX_HYPER)
			BUG("more than %d hyper-parameters", MAX_HYPER);
		e->hyper_name[i] = v->name;
		e->hyper[i] = (float)v->initial;
		e->nhyper++;
	}
}

int executor_function(const Executor *e, const Plan *p)
{
	const Program *all = e->program;
	return p == all->train ? 0 : p == all->infer ? 1 : 2;
}

static void make_fed(Executor *e, const Plan *p)
{
	Arena *a = e->unit->arena;
	if (!p)
		return;
	const Graph *g = p->graph;
	void **fed = arena_array(a, void *, g->ninputs + g->noutputs + 1);
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->fed)
			fed[i] = arena_alloc(
				a, (size_t)value_bytes(g->input[i]) + 1);
	for (int i = 0; i < g->noutputs; i++)
		if (value_is_callers(g->output[i].value))
			fed[g->ninputs + i] = arena_alloc(
				a, (size_t)value_bytes(g->output[i].value) + 1);
	e->fed[executor_function(e, p)] = fed;
}

/* Outputs come behind the inputs. */
static void *fed_data(const Executor *e, const Plan *p, const Value *v)
{
	const Graph *g = p->graph;
	void *const *fed = e->fed[executor_function(e, p)];
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i] == v)
			return fed[i];
	for (int i = 0; i < g->noutputs; i++)
		if (value_viewed(g->output[i].value) == v)
			return fed[g->ninputs + i];
	BUG("%%%s is no data of '%s'", v->name, g->name);
}

Executor *executor_create(Unit *u, const Program *p, const ExecutorKind *kind)
{
	Executor *e = arena_new(u->arena, Executor);
	int64_t align = p->align > 0 ? p->align : 16;
	*e = (Executor){.kind = kind, .unit = u, .program = p, .seed = 1};
	e->arena = aligned_alloc_in(u->arena, p->arena_bytes, align);
	e->state = aligned_alloc_in(u->arena, p->state_bytes, align);
	for (int i = 0; i < p->model->nvars; i++) {
		const Variable *v = p->model->var[i];
		if (v->mutable && p->offset[i] >= 0)
			fill_variable(v, e->state + p->offset[i]);
	}
	if (p->train)
		find_hypers(e, p->train);
	make_fed(e, p->train);
	make_fed(e, p->infer);
	make_fed(e, p->evaluate);
	return e;
}

void executor_close(Executor *e)
{
	if (e)
		e->kind->close(e);
}

void *executor_variable(const Executor *e, const Variable *v)
{
	if (v->mutable && e->program->offset[v->id] >= 0)
		return e->state + e->program->offset[v->id];
	if (v->data)
		return (void *)(uintptr_t)v->data;
	int64_t bytes = shape_bytes(v->shape, v->dtype);
	void *copy = arena_alloc(e->unit->arena, (size_t)bytes + 1);
	fill_variable(v, copy);
	return copy;
}

void *executor_value(const Executor *e, const Plan *p, const Value *v)
{
	const Place *at = &p->place[v->id];
	const Value *base = at->base ? at->base : v;
	const unsigned char *start;
	switch (at->region) {
	case REGION_ARENA:
		return e->arena + at->offset;
	case REGION_STATE: case REGION_CONST: case REGION_NONE:
		start = base->var ? executor_variable(e, base->var)
		                  : base->data;
		return (void *)(uintptr_t)(start + at->offset);
	case REGION_CALLER:
		return (unsigned char *)fed_data(e, p, base) + at->offset;
	case REGION_CONTEXT: case REGION_OUTER:
		return NULL;
	}
	BUG("value '%s' is in region %d", v->name, at->region);
}

bool executor_set_hyper(Executor *e, const char *name, double x)
{
	for (int i = 0; i < e->nhyper; i++)
		if (!strcmp(e->hyper_name[i], name)) {
			e->hyper[i] = (float)x;
			return true;
		}
	return false;
}

void executor_paint(Executor *e)
{
	memset(e->arena, 0x41, (size_t)e->program->arena_bytes);
}

bool executor_call(Executor *e, const Plan *p)
{
	if (p == e->program->train)
		e->step++;
	return e->kind->call(e, p);
}

const Value *plan_input(const Plan *p, InputRole role, int nth)
{
	const Graph *g = p->graph;
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->role == role && nth-- == 0)
			return g->input[i];
	return NULL;
}

const Value *plan_output(const Plan *p, OutputRole role, int nth)
{
	const Graph *g = p->graph;
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].role == role && nth-- == 0)
			return g->output[i].value;
	return NULL;
}

/* The same as rt_mix() of runtime/random.c; a test holds them equal. */
uint32_t executor_step_seed(const Executor *e)
{
	uint32_t h = (e->step ^ 0x5bd1e995u) * 0x9e3779b9u ^ e->seed;
	h = (h ^ h >> 16) * 0x7feb352du;
	h = (h ^ h >> 15) * 0x846ca68bu;
	h ^= h >> 16;
	h = (h + e->seed) * 0x9e3779b9u;
	return h ^ h >> 15;
}

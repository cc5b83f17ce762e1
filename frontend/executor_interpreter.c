/* The plan's kernels, run by ir/eval.c over the arena. */
#include "frontend/executor.h"

#include "ir/op.h"
#include "ir/scan.h"

#include <string.h>

/* A function made ready: its kernels, and where its values are. */
typedef struct Ready Ready;

struct Ready {
	const Plan *plan;
	Kernel **kernel;     /* by step; NULL: nothing to do */
	Ready **scan;        /* by step: for one part, if it is a Scan */
	void **buf;          /* by value id */
	Scalar *context;     /* by value id: scalars of the caller */
};

typedef struct Interpreter {
	Ready ready[3];      /* train, infer, evaluate */
} Interpreter;

static Ready *prepare(Executor *e, const Plan *p, Ready *r);

static void find_values(const Executor *e, const Plan *p, Ready *r, int n,
                        Value *const v[])
{
	for (int i = 0; i < n; i++)
		if (v[i] && p->place[v[i]->id].region != REGION_OUTER)
			r->buf[v[i]->id] = executor_value(e, p, v[i]);
}

static Ready *prepare(Executor *e, const Plan *p, Ready *r)
{
	Arena *a = e->unit->arena;
	const Graph *g = p->graph;
	*r = (Ready){.plan = p};
	r->kernel = arena_array(a, Kernel *, p->nsteps);
	r->scan = arena_array(a, Ready *, p->nsteps);
	r->buf = arena_array(a, void *, g->nvalues);
	r->context = arena_array(a, Scalar, g->nvalues);
	for (int i = 0; i < p->nsteps; i++) {
		const Node *n = p->step[i];
		if (n->scan)
			r->scan[i] = prepare(e, n->scan->plan,
			                     arena_new(a, Ready));
		else if (!plan_skips(p, n))
			r->kernel[i] = plan_kernel(a, p, n);
		find_values(e, p, r, n->nin, n->in);
		find_values(e, p, r, n->nout, n->out);
	}
	for (int i = 0; i < g->ninputs; i++)
		if (p->place[g->input[i]->id].region == REGION_CONTEXT)
			r->buf[g->input[i]->id] =
				&r->context[g->input[i]->id];
	return r;
}

static Ready *find(Executor *e, const Plan *p)
{
	Interpreter *in = e->impl;
	for (int i = 0; i < 3; i++) {
		if (in->ready[i].plan == p)
			return &in->ready[i];
		if (!in->ready[i].plan)
			return prepare(e, p, &in->ready[i]);
	}
	BUG("a program has three functions");
}

static void put_context(const Executor *e, const Ready *r)
{
	const Plan *p = r->plan;
	const Value *v;
	Scalar seed = {.i = executor_step_seed(e)}, step = {.i = e->step};
	if ((v = plan_input(p, IN_SEED, 0)))
		dtype_put(v->dtype, r->buf[v->id], 0, seed);
	if ((v = plan_input(p, IN_STEP, 0)))
		dtype_put(v->dtype, r->buf[v->id], 0, step);
	for (int i = 0; (v = plan_input(p, IN_HYPER, i)); i++)
		for (int h = 0; h < e->nhyper; h++)
			if (!strcmp(e->hyper_name[h], v->name))
				dtype_put(v->dtype, r->buf[v->id], 0,
				          (Scalar){.f = (double)e->hyper[h]});
}

static void run_steps(const Ready *r);

/* Where a value of the Scan's graph is while the part runs. */
static void *place_part(const Ready *r, const Node *n, const Ready *outer,
                        const Value *v, int32_t *part)
{
	const Place *at = &r->plan->place[v->id];
	int i = scan_input(n, at->base), o = scan_output(n, at->base);
	const unsigned char *ws;
	if (at->region == REGION_ARENA) {
		ws = outer->buf[node_workspace(n)->id];
		return (void *)(uintptr_t)(ws + at->offset);
	}
	if (at->region != REGION_OUTER)
		return r->buf[v->id];
	if (at->base->kind == V_INPUT && at->base->role == IN_INDEX)
		return part;
	unsigned char *whole = outer->buf[i >= 0 ? n->in[i]->id : n->out[o]->id];
	bool in_part = i >= 0 ? at->base->role == IN_PART
	             : n->scan->graph->output[o].role == OUT_ROWS;
	int64_t bytes = value_bytes(at->base);
	return whole + at->offset + (in_part ? *part * bytes : 0);
}

static void place_values(const Ready *r, const Node *n, const Ready *outer,
                         int32_t *part)
{
	for (int s = 0; s < r->plan->nsteps; s++) {
		const Node *m = r->plan->step[s];
		for (int i = 0; i < m->nin; i++)
			if (m->in[i])
				r->buf[m->in[i]->id] = place_part(
					r, n, outer, m->in[i], part);
		for (int o = 0; o < m->nout; o++)
			r->buf[m->out[o]->id] = place_part(
				r, n, outer, m->out[o], part);
	}
}

static void run_scan(const Ready *r, const Node *n, const Ready *outer)
{
	const Graph *g = n->scan->graph;
	for (int o = 0; o < g->noutputs; o++)
		if (g->output[o].role == OUT_SUM && !n->out[o]->var)
			memset(outer->buf[n->out[o]->id], 0,
			       (size_t)value_bytes(n->out[o]));
	for (int32_t part = 0; part < n->scan->parts; part++) {
		place_values(r, n, outer, &part);
		run_steps(r);
	}
}

static void run_steps(const Ready *r)
{
	for (int i = 0; i < r->plan->nsteps; i++)
		if (r->scan[i])
			run_scan(r->scan[i], r->plan->step[i], r);
		else if (r->kernel[i])
			kernel_eval(r->kernel[i], r->buf, false);
}

static bool call(Executor *e, const Plan *p)
{
	Ready *r = find(e, p);
	put_context(e, r);
	run_steps(r);
	return true;
}

static void close_interpreter(Executor *e)
{
	(void)e;   /* everything is in the unit's arena */
}

Executor *executor_interpreter(Unit *u, const Program *p)
{
	static const ExecutorKind kind = {call, close_interpreter};
	Executor *e = executor_create(u, p, &kind);
	e->impl = arena_new(u->arena, Interpreter);
	return e;
}

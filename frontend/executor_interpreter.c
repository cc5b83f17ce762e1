/* The plan's kernels, run by ir/eval.c over the arena. */
#include "frontend/executor.h"

#include <string.h>

/* A function made ready: its kernels, and where its values are. */
typedef struct Ready {
	const Plan *plan;
	Kernel **kernel;     /* by step; NULL: nothing to do */
	void **buf;          /* by value id */
	Scalar *context;     /* by value id: scalars of the caller */
} Ready;

typedef struct Interpreter {
	Ready ready[3];      /* train, infer, evaluate */
} Interpreter;

static Ready *prepare(Executor *e, const Plan *p, Ready *r)
{
	Arena *a = e->unit->arena;
	const Graph *g = p->graph;
	*r = (Ready){.plan = p};
	r->kernel = arena_array(a, Kernel *, p->nsteps);
	r->buf = arena_array(a, void *, g->nvalues);
	r->context = arena_array(a, Scalar, g->nvalues);
	for (int i = 0; i < p->nsteps; i++) {
		const Node *n = p->step[i];
		if (!plan_skips(p, n))
			r->kernel[i] = kernel_of(a, n);
		for (int k = 0; k < n->nin; k++)
			if (n->in[k])
				r->buf[n->in[k]->id] =
					executor_value(e, p, n->in[k]);
		for (int k = 0; k < n->nout; k++)
			if (n->out[k])
				r->buf[n->out[k]->id] =
					executor_value(e, p, n->out[k]);
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

static bool call(Executor *e, const Plan *p)
{
	Ready *r = find(e, p);
	put_context(e, r);
	for (int i = 0; i < p->nsteps; i++)
		if (r->kernel[i])
			kernel_eval(r->kernel[i], r->buf, false);
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

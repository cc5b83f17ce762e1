/*
 * Random graphs for tests, and two ways to run one: every value in memory of
 * its own, or all in one arena as a plan says. The same bits must come out.
 */
#ifndef TESTS_RANDOM_GRAPH_H
#define TESTS_RANDOM_GRAPH_H

#include "ir/op.h"
#include "ir/plan.h"
#include "ir/splitmix.h"
#include "ir/verify.h"

#include <stdlib.h>
#include <string.h>

typedef struct Random {
	uint64_t state;
} Random;

static inline uint64_t random_bits(Random *r)
{
	return splitmix64(&r->state);
}

static inline int random_int(Random *r, int below)
{
	return (int)(random_bits(r) % (uint64_t)below);
}

static inline float random_float(Random *r)
{
	return (float)random_int(r, 2001) / 1000.0f - 1.0f;
}

static inline Unit test_unit(void)
{
	return (Unit){.path = "test", .arena = arena_create(),
	              .messages = stderr};
}

static inline int64_t bytes_of(const Value *v)
{
	return value_bytes(v);
}

/* ---- making ---- */

typedef struct Maker {
	Random random;
	Unit *unit;
	Graph *g;
	int npool;
	Value *pool[4096];    /* what a node may read, f32 */
	int nvars;
	Value *var[16];       /* not yet replaced */
} Maker;

static inline Shape small_shape(Maker *m)
{
	static const Shape shapes[] = {
		{2, {3, 4}}, {1, {4}}, {2, {3, 1}}, {0, {0}}, {1, {12}},
		{2, {3, 4}}, {3, {2, 3, 4}},
	};
	return shapes[random_int(&m->random, 7)];
}

static inline float *random_data(Maker *m, Shape s)
{
	float *x = arena_array(m->unit->arena, float, numel(s));
	for (int64_t i = 0; i < numel(s); i++)
		x[i] = random_float(&m->random);
	return x;
}

static inline Value *pick(Maker *m)
{
	/* Mostly recent ones, so that old ones die. */
	int n = m->npool;
	int back = random_int(&m->random, random_int(&m->random, 4) ? 6 : n);
	return m->pool[back < n ? n - 1 - back : 0];
}

static inline void offer(Maker *m, Value *v)
{
	if (m->npool < 4096)
		m->pool[m->npool++] = v;
}

static inline void withdraw(Maker *m, const Value *v)
{
	int n = 0;
	for (int i = 0; i < m->npool; i++)
		if (m->pool[i] != v)
			m->pool[n++] = m->pool[i];
	m->npool = n;
}

static inline Value *reshaped(Maker *m, Value *x, Shape to)
{
	Node *n = NEW(m->g, (Loc){0}, op_Reshape, x);
	node_set_ints(m->g, n, "shape", to.rank, to.dim);
	return node_done(m->g, n);
}

static inline Value *summed(Maker *m, Value *x, Shape to)
{
	Node *n = NEW(m->g, (Loc){0}, op_SumTo, x);
	node_set_ints(m->g, n, "shape", to.rank, to.dim);
	return node_done(m->g, n);
}

static inline Value *unary(Maker *m, Value *x)
{
	static const OpDef *const ops[] = {
		&op_Relu, &op_Tanh, &op_Neg, &op_Identity, &op_Copy, &op_Abs,
	};
	return APPLY(m->g, (Loc){0}, *ops[random_int(&m->random, 6)], x);
}

static inline Value *binary(Maker *m, Value *x)
{
	static const OpDef *const ops[] = {&op_Add, &op_Sub, &op_Mul};
	Value *y = pick(m);
	Shape s;
	if (!shape_broadcast(x->shape, y->shape, &s))
		y = x;
	return APPLY(m->g, (Loc){0}, *ops[random_int(&m->random, 3)], x, y);
}

static inline Value *matrix_product(Maker *m)
{
	Value *a = pick(m), *b = pick(m);
	if (a->shape.rank != 2 || b->shape.rank != 2 ||
	    a->shape.dim[1] != b->shape.dim[0])
		return unary(m, a);
	return APPLY(m->g, (Loc){0}, op_MatMul, a, b);
}

static inline Value *another(Maker *m)
{
	Value *x = pick(m);
	switch (random_int(&m->random, 8)) {
	case 0: case 1:
		return unary(m, x);
	case 2: case 3: case 4:
		return binary(m, x);
	case 5:
		return numel(x->shape) == 12
		       ? reshaped(m, x, x->shape.rank == 2
		                  ? (Shape){1, {12}} : (Shape){2, {3, 4}})
		       : reshaped(m, x, x->shape);
	case 6:
		return matrix_product(m);
	}
	return summed(m, x, x->shape.rank && random_int(&m->random, 2)
	              ? (Shape){1, {x->shape.dim[x->shape.rank - 1]}}
	              : (Shape){0});
}

/* Replaces a variable by itself minus something, or by something. */
static inline void replace_variable(Maker *m)
{
	Value *old = m->var[--m->nvars], *x = pick(m), *new;
	Shape s;
	if (!shape_broadcast(old->shape, x->shape, &s) ||
	    !shape_equal(s, old->shape))
		x = old;
	new = APPLY(m->g, (Loc){0}, op_Sub, old,
	            APPLY(m->g, (Loc){0}, op_Tanh, x));
	new->var = old->var;
	new->memory = old->memory;
	withdraw(m, old);
	offer(m, new);
}

static inline void add_sources(Maker *m)
{
	Arena *a = m->unit->arena;
	Model *model = m->g->model;
	for (int i = 0; i < 3; i++)
		offer(m, graph_input(m->g, arena_printf(a, "x%d", i),
		                     i == 2 ? IN_TARGET : IN_DATA, DT_F32,
		                     small_shape(m)));
	for (int i = 0; i < 5; i++) {
		Shape s = small_shape(m);
		Variable *var = model_variable(model, arena_printf(a, "w%d", i),
		                               VAR_PARAMETER, DT_F32, s);
		var->data = random_data(m, s);
		var->mutable = i < 3;
		Value *v = graph_variable(m->g, var);
		offer(m, v);
		if (var->mutable)
			m->var[m->nvars++] = v;
	}
	Shape s = small_shape(m);
	offer(m, graph_const(m->g, NULL, DT_F32, s, random_data(m, s)));
	offer(m, graph_scalar(m->g, DT_F32, 0.5));
	offer(m, graph_scalar_input(m->g, "lr", IN_HYPER, DT_F32, 0.25));
}

/* A graph of about n nodes that passes the verifier. */
static inline Graph *random_graph(Unit *u, uint64_t seed, int n)
{
	Maker *m = arena_new(u->arena, Maker);
	m->random.state = seed;
	m->unit = u;
	m->g = graph_create(model_create(u, "m"), "train");
	add_sources(m);
	for (int i = 0; i < n; i++) {
		if (m->nvars && !random_int(&m->random, n / 3 + 1))
			replace_variable(m);
		else
			offer(m, another(m));
	}
	for (int i = 0; i < 3; i++)
		graph_output(m->g, arena_printf(u->arena, "y%d", i), OUT_DATA,
		             i ? pick(m) : m->pool[m->npool - 1]);
	return m->g;
}

/* ---- running ---- */

/* What a run leaves: outputs by number, variables by id. */
typedef struct Results {
	void **output, **state;
} Results;

static inline void *first_contents(Arena *a, const Variable *v)
{
	int64_t bytes = shape_bytes(v->shape, v->dtype);
	void *x = arena_alloc(a, (size_t)bytes);
	if (v->data)
		memcpy(x, v->data, (size_t)bytes);
	for (int64_t i = 0; i < numel(v->shape) && !v->data; i++)
		dtype_put(v->dtype, x, i, (Scalar){.f = v->fill});
	return x;
}

/* The same numbers each time for the same input; the step is the first. */
static inline void fill_input(const Value *v, void *x)
{
	Random r = {(uint64_t)v->id * 77 + 5};
	if (v->role == IN_STEP) {
		dtype_put(v->dtype, x, 0, (Scalar){.i = 1});
		return;
	}
	for (int64_t i = 0; i < numel(v->shape); i++)
		if (dtype_is_float(v->dtype))
			dtype_put(v->dtype, x, i, (Scalar){
				.f = v->role == IN_HYPER
				     ? v->initial : (double)random_float(&r)});
		else
			dtype_put(v->dtype, x, i,
			          (Scalar){.i = random_int(&r, 3)});
}

static inline void run_node(const Node *n, void *const buf[])
{
	Arena *scratch = arena_create();
	kernel_eval(kernel_of(scratch, n), buf, false);
	arena_destroy(scratch);
}

static inline void run_step(const Plan *plan, const Node *n, void *const buf[])
{
	Arena *scratch = arena_create();
	kernel_eval(plan_kernel(scratch, plan, n), buf, false);
	arena_destroy(scratch);
}

static inline Results run_apart(const Graph *g)
{
	Arena *a = g->unit->arena;
	void **buf = arena_array(a, void *, g->nvalues);
	Results r = {arena_array(a, void *, g->noutputs + 1),
	             arena_array(a, void *, g->model->nvars + 1)};
	for (int i = 0; i < g->model->nvars; i++)
		r.state[i] = first_contents(a, g->model->var[i]);
	for (int i = 0; i < g->ninputs; i++) {
		buf[g->input[i]->id] = arena_alloc(a,
			(size_t)bytes_of(g->input[i]));
		fill_input(g->input[i], buf[g->input[i]->id]);
	}
	for (const Node *n = g->first; n; n = n->next) {
		for (int i = 0; i < n->nin; i++) {
			const Value *v = n->in[i];
			if (v && v->kind == V_CONST)
				buf[v->id] = (void *)(uintptr_t)v->data;
			if (v && v->kind == V_VARIABLE && !buf[v->id])
				buf[v->id] = first_contents(a, v->var);
		}
		for (int o = 0; o < n->nout; o++)
			buf[n->out[o]->id] = arena_alloc(a,
				(size_t)bytes_of(n->out[o]));
		run_node(n, buf);
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				r.state[n->out[o]->var->id] =
					buf[n->out[o]->id];
	}
	for (int i = 0; i < g->noutputs; i++) {
		const Value *v = g->output[i].value;
		r.output[i] = v->kind == V_CONST
		              ? (void *)(uintptr_t)v->data
		              : v->kind == V_VARIABLE
		              ? first_contents(a, v->var) : buf[v->id];
	}
	return r;
}

static inline void *address_of(const Plan *plan, const Value *v, char *arena,
                               void *const state[], void *const context[])
{
	const Place *p = &plan->place[v->id];
	switch (p->region) {
	case REGION_ARENA:
		return arena + p->offset;
	case REGION_STATE:
		return (char *)state[p->base->var->id] + p->offset;
	case REGION_CONST:
		return (char *)(p->base->var
		                ? state[p->base->var->id]
		                : (void *)(uintptr_t)p->base->data) + p->offset;
	case REGION_CONTEXT:
		return context[p->base->id];
	case REGION_NONE: case REGION_OUTER: case REGION_CALLER:
		break;
	}
	return NULL;
}

/* `slack`: the arena is larger by that, for plans that are wrong. */
static inline Results run_planned(const Plan *plan, int64_t slack)
{
	const Graph *g = plan->graph;
	Arena *a = g->unit->arena;
	char *arena = arena_alloc(a, (size_t)(plan->arena_bytes + slack + 1));
	void **context = arena_array(a, void *, g->nvalues);
	void **buf = arena_array(a, void *, g->nvalues);
	Results r = {arena_array(a, void *, g->noutputs + 1),
	             arena_array(a, void *, g->model->nvars + 1)};
	memset(arena, 0x5a, (size_t)(plan->arena_bytes + slack));
	for (int i = 0; i < g->model->nvars; i++)
		r.state[i] = first_contents(a, g->model->var[i]);
	for (int i = 0; i < g->ninputs; i++) {
		const Value *v = g->input[i];
		context[v->id] = arena_alloc(a, (size_t)bytes_of(v) + 8);
		fill_input(v, address_of(plan, v, arena, r.state, context));
	}
	for (int s = 0; s < plan->nsteps; s++) {
		const Node *n = plan->step[s];
		if (plan_skips(plan, n))
			continue;
		for (int i = 0; i < n->nin; i++)
			if (n->in[i])
				buf[n->in[i]->id] = address_of(plan, n->in[i],
					arena, r.state, context);
		for (int o = 0; o < n->nout; o++)
			buf[n->out[o]->id] = address_of(plan, n->out[o], arena,
			                                r.state, context);
		run_step(plan, n, buf);
	}
	for (int i = 0; i < g->noutputs; i++)
		r.output[i] = address_of(plan, g->output[i].value, arena,
		                         r.state, context);
	return r;
}

static inline bool same_results(const Graph *g, const Results *a,
                                const Results *b)
{
	for (int i = 0; i < g->noutputs; i++)
		if (memcmp(a->output[i], b->output[i],
		           (size_t)bytes_of(g->output[i].value)))
			return false;
	for (int i = 0; i < g->model->nvars; i++) {
		const Variable *v = g->model->var[i];
		if (memcmp(a->state[i], b->state[i],
		           (size_t)shape_bytes(v->shape, v->dtype)))
			return false;
	}
	return true;
}

#endif

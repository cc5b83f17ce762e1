/*
 * A model made by hand for tests of whole programs: two layers, one frozen, the
 * squared error, momentum; with names that are no C identifiers.
 */
#ifndef TESTS_TINY_H
#define TESTS_TINY_H

#include "ir/op.h"
#include "ir/verify.h"
#include "passes/autodiff.h"
#include "passes/pass.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 4, IN = 6, HIDDEN = 5, OUT = 3 };

static inline Variable *tiny_variable(Model *m, const char *name, Shape s,
                                      bool mutable, const void *data)
{
	Variable *v = model_variable(m, name, VAR_PARAMETER, DT_F32, s);
	v->mutable = mutable;
	v->data = data;
	return v;
}

static inline float *ramp(Arena *a, int64_t n, float step)
{
	float *x = arena_array(a, float, n);
	for (int64_t i = 0; i < n; i++)
		x[i] = (float)(i * 7 % 11 - 5) * step;
	return x;
}

static inline Model *tiny_model(Unit *u, const char *name)
{
	Model *m = model_create(u, name);
	Arena *a = u->arena;
	tiny_variable(m, "/fc1/weight*/", (Shape){2, {HIDDEN, IN}}, false,
	              ramp(a, HIDDEN * IN, 0.1f));
	tiny_variable(m, "/fc1/bias", (Shape){1, {HIDDEN}}, true, NULL)->fill =
		0.25;
	tiny_variable(m, "fc2.weight", (Shape){2, {OUT, HIDDEN}}, true,
	              ramp(a, OUT * HIDDEN, 0.1f));
	tiny_variable(m, "fc2.bias", (Shape){1, {OUT}}, true, NULL);
	Variable *v = model_variable(m, "fc2.weight/momentum", VAR_OPTIMIZER,
	                             DT_F32, (Shape){2, {OUT, HIDDEN}});
	v->mutable = true;
	return m;
}

static inline Value *tiny_layer(Graph *g, const char *node, Value *x, int var)
{
	Model *m = g->model;
	Node *n = NEW(g, ((Loc){node, "Gemm"}), op_Gemm, x,
	              graph_variable(g, m->var[var]),
	              graph_variable(g, m->var[var + 1]));
	node_set_int(g, n, "transB", 1);
	return node_done(g, n);
}

static inline Value *tiny_forward(Graph *g)
{
	Value *x = graph_input(g, "x", IN_DATA, DT_F32,
	                       (Shape){2, {BATCH, IN}});
	float *scale = ramp(g->unit->arena, HIDDEN, 0.5f);
	Value *h = tiny_layer(g, "/fc1/Gemm", x, 0);
	h = APPLY(g, ((Loc){"relu", "Relu"}), op_Relu, h);
	h = APPLY(g, ((Loc){"scale", "Mul"}), op_Mul, h,
	          graph_const(g, "scale", DT_F32, (Shape){1, {HIDDEN}}, scale));
	return tiny_layer(g, "/fc2/Gemm", h, 2);
}

static inline Value *tiny_loss(Graph *g, Value *y)
{
	Value *t = graph_input(g, "class", IN_TARGET, DT_F32, y->shape);
	Loc loc = {"loss", "MSE"};
	Value *d = APPLY(g, loc, op_Sub, y, t);
	Node *n = NEW(g, loc, op_SumTo, APPLY(g, loc, op_Mul, d, d));
	node_set_ints(g, n, "shape", 0, NULL);
	return node_done(g, n);
}

static inline void replace(Graph *g, Variable *var, Value *with)
{
	with->var = var;
	with->memory = graph_variable(g, var)->memory;
}

/* w -= lr (m = mu m + g), plain descent for the biases. */
static inline void tiny_update(Graph *g, Value *const *grad)
{
	Model *m = g->model;
	Value *lr = graph_scalar_input(g, "lr", IN_HYPER, DT_F32, 0.0625);
	Value *mu = graph_scalar_input(g, "momentum", IN_HYPER, DT_F32, 0.5);
	for (int i = 1; i < 4; i++) {
		Loc loc = {m->var[i]->name, "update"};
		Value *w = graph_variable(g, m->var[i]), *d = grad[w->id];
		if (i == 2) {
			Value *old = graph_variable(g, m->var[4]);
			d = APPLY(g, loc, op_Add,
			          APPLY(g, loc, op_Mul, old, mu), d);
			replace(g, m->var[4], d);
		}
		d = APPLY(g, loc, op_Sub, w, APPLY(g, loc, op_Mul, d, lr));
		replace(g, m->var[i], d);
	}
}

static inline Graph *tiny_train(Model *m)
{
	Graph *g = graph_create(m, "train");
	Value *loss = tiny_loss(g, tiny_forward(g));
	Value *one = graph_scalar(g, DT_F32, 1);
	bool *wanted = arena_array(m->unit->arena, bool, g->nvalues);
	for (int i = 0; i < g->nvarvalues; i++)
		wanted[g->varvalue[i]->id] = g->varvalue[i]->var->mutable;
	tiny_update(g, differentiate(g, &loss, &one, 1, wanted));
	graph_output(g, "loss", OUT_LOSS, loss);
	return g;
}

static inline Graph *tiny_infer(Model *m)
{
	Graph *g = graph_create(m, "infer");
	graph_output(g, "output", OUT_DATA, tiny_forward(g));
	return g;
}

static inline Graph *tiny_evaluate(Model *m)
{
	Graph *g = graph_create(m, "evaluate");
	graph_output(g, "loss", OUT_LOSS, tiny_loss(g, tiny_forward(g)));
	return g;
}

static inline Plan *tiny_plan(Graph *g)
{
	Options o = {.target = target_find("generic")};
	pass_outputs.run(g, &o);
	graph_verify(g);
	return plan_memory(g, &o);
}

static inline Program *tiny_program(Unit *u, const char *name)
{
	Model *m = tiny_model(u, name);
	Program *p = arena_new(u->arena, Program);
	*p = (Program){.model = m, .align = 16};
	p->train = tiny_plan(tiny_train(m));
	p->infer = tiny_plan(tiny_infer(m));
	p->evaluate = tiny_plan(tiny_evaluate(m));
	program_layout(p);
	return p;
}

#endif

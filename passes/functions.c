/*
 * The model's functions from its forward graph: one step of training,
 * inference, and the loss without an update, each planned.
 */
#include "ir/op.h"
#include "passes/autodiff.h"
#include "passes/budget.h"
#include "passes/pass.h"
#include "passes/train.h"

/* A variable lives in the state exactly if some node replaces it. */
static void find_mutable(const Graph *g)
{
	for (const Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				n->out[o]->var->mutable = true;
}

static void forget_mutable(const Model *m)
{
	for (int i = 0; i < m->nvars; i++)
		m->var[i]->mutable = false;
}

static void drop_outputs(Graph *g)
{
	g->noutputs = 0;
	g->facts = 0;
}

/* Gradients of `loss` by variable id. */
static Value **parameter_gradients(Graph *g, Value *loss, const bool *trainable)
{
	Arena *a = g->unit->arena;
	Value **grad = arena_array(a, Value *, g->model->nvars);
	Value *one = graph_scalar(g, loss->dtype, 1);
	one = loss->shape.rank == 0 ? one
	    : graph_const(g, NULL, loss->dtype, loss->shape, one->data);
	bool *wanted = arena_array(a, bool, g->nvalues);
	for (int i = 0; i < g->nvarvalues; i++)
		wanted[g->varvalue[i]->id] = trainable[g->varvalue[i]->var->id];
	Value **all = differentiate(g, &loss, &one, 1, wanted);
	for (int i = 0; i < g->nvarvalues; i++) {
		const Value *v = g->varvalue[i];
		if (!wanted[v->id])
			continue;
		grad[v->var->id] = all[v->id];
		if (!all[v->id])
			continue;
		all[v->id]->memory = MEM_GRADIENT;
		/* A gradient that is a constant still needs a place. */
		if (all[v->id]->kind != V_RESULT)
			grad[v->var->id] = APPLY(g, ((Loc){v->name, "Gradient"}),
			                         op_Copy, all[v->id]);
	}
	return grad;
}

static void warn_unreached(Graph *g, Value *const grad[], const bool *trainable)
{
	const Model *m = g->model;
	int reached = 0;
	for (int i = 0; i < m->nvars; i++)
		reached += grad[i] != NULL;
	if (!reached) {
		error_at(g->unit, (Loc){0}, "the loss does not depend on any "
		         "parameter that trains");
		return;
	}
	for (int i = 0; i < m->nvars; i++)
		if (trainable[i] && !grad[i])
			warn_at(g->unit, (Loc){m->var[i]->name, NULL}, "no "
			        "gradient reaches this parameter; it stays as "
			        "it is");
}

static Graph *train_graph(const Graph *forward, const Options *o)
{
	Graph *g = graph_clone(forward, "train", NULL);
	int nvars = g->model->nvars;
	set_mode(g, MODE_TRAIN, o);
	bool *trainable = choose_trainable(g, o);
	Value *loss = append_loss(g, o);
	if (!loss || g->unit->nerrors)
		return NULL;
	Value **grad = parameter_gradients(g, loss, trainable);
	if (g->unit->nerrors)
		return NULL;
	warn_unreached(g, grad, trainable);
	drop_outputs(g);
	graph_output(g, "loss", OUT_LOSS, loss);
	for (int i = 0; i < nvars && o->keep_gradients; i++)
		if (grad[i])
			graph_output(g, g->model->var[i]->name, OUT_GRADIENT,
			             grad[i]);
	if (!o->no_update)
		append_updates(g, grad, o);
	find_mutable(g);
	return g->unit->nerrors ? NULL : g;
}

static Graph *infer_graph(const Graph *forward, const Options *o)
{
	Graph *g = graph_clone(forward, "infer", NULL);
	set_mode(g, MODE_INFER, o);
	return g;
}

static Graph *evaluate_graph(const Graph *forward, const Options *o)
{
	Graph *g = graph_clone(forward, "evaluate", NULL);
	set_mode(g, MODE_INFER, o);
	Value *loss = append_loss(g, o);
	if (!loss)
		return NULL;
	drop_outputs(g);
	graph_output(g, "loss", OUT_LOSS, loss);
	return g;
}

static Plan *finish(Graph *g, const Options *o)
{
	if (!g || g->unit->nerrors)
		return NULL;
	graph_verify(g);
	run_pipeline(g, STAGE_FUNCTION, o);
	return plan_memory(g, o);
}

/* ---- under a budget ---- */

static int64_t arena_of_others(const Program *p)
{
	int64_t bytes = p->infer->arena_bytes;
	return p->evaluate->arena_bytes > bytes ? p->evaluate->arena_bytes
	                                        : bytes;
}

/* The training step that fits; or the smallest, and what would fit it. */
static void fit_budget(Program *p, Budget *b, int64_t ram)
{
	int64_t others = arena_of_others(p), arena = ram - p->state_bytes;
	Plan *plan = others <= arena ? budget_fit(b, arena) : NULL;
	p->fits = plan != NULL;
	p->train = plan ? plan : budget_smallest(b);
	program_layout(p);
	if (!p->fits)
		p->smallest_ram = p->arena_bytes + p->state_bytes;
	else
		budget_techniques(b, plan, &p->ntechniques, &p->technique);
}

/* A program without a step to train has nothing to trade. */
static void fit_inference(Program *p, int64_t ram)
{
	int64_t need = p->arena_bytes + p->state_bytes;
	p->fits = !ram || need <= ram;
	p->smallest_ram = p->fits ? 0 : need;
}

static void finish_budget(Program *p, Budget *b, const Options *o)
{
	p->ram = o->ram;
	p->fits = true;
	program_layout(p);
	if (!b) {
		fit_inference(p, o->ram);
		return;
	}
	if (o->ram)
		fit_budget(p, b, o->ram);
	if (o->sweep)
		budget_sweep(b, p, arena_of_others(p));
}

static Plan *plan_training(const Graph *forward, const Options *o, Budget **b)
{
	Graph *g = train_graph(forward, o);
	if (!g || (!o->ram && !o->sweep))
		return finish(g, o);
	graph_verify(g);
	*b = budget_create(g->unit->arena, g, o);
	return budget_plain(*b);
}

Program *build_program(Graph *forward, const Options *o)
{
	Unit *u = forward->unit;
	Budget *budget = NULL;
	Program *p = arena_new(u->arena, Program);
	p->model = forward->model;
	p->target = o->target ? o->target : &all_targets[0];
	p->align = p->target->align;
	/* Before differentiation, so that what vanishes has no gradient. */
	run_pipeline(forward, STAGE_FORWARD, o);
	forget_mutable(p->model);
	if (o->loss.kind != LOSS_NONE) {
		p->train = plan_training(forward, o, &budget);
		if (!p->train)
			return NULL;
		p->evaluate = finish(evaluate_graph(forward, o), o);
	}
	p->infer = finish(infer_graph(forward, o), o);
	if (u->nerrors)
		return NULL;
	finish_budget(p, budget, o);
	return p;
}

/*
 * The model's functions from its forward graph: one step of training,
 * inference, and the loss without an update, each planned.
 */
#include "ir/op.h"
#include "ir/scan.h"
#include "passes/allow.h"
#include "passes/budget.h"
#include "passes/explain.h"
#include "passes/graphs.h"
#include "passes/names.h"
#include "passes/others.h"
#include "passes/pass.h"
#include "passes/planner.h"
#include "passes/thin.h"
#include "passes/train.h"

static void forget_mutable(const Model *m)
{
	for (int i = 0; i < m->nvars; i++)
		m->var[i]->mutable = false;
}

/* ---- functions that run in parts ---- */

static Graph *train_again(const Graph *forward, const Options *o)
{
	return train_graph(forward, o, true);
}

/* What has the caller's data in another order costs little, or nothing. */
static int count_transposes(const Graph *g)
{
	int count = 0;
	for (const Node *n = g->first; n; n = n->next)
		count += n->op == &op_Transpose && !value_is_data(n->in[0]);
	return count;
}

/* The training step with the batch first in its recurrences, if that leaves no
 * more to transpose than in g, which has it as it is; else that. */
static Graph *step_to_divide(Graph *g, const Graph *forward, const Options *o)
{
	if (!has_recurrence(forward))
		return g;
	Graph *first = make_batch_first(train_again, forward, o);
	return count_transposes(first) > count_transposes(g) ? g : first;
}

/* ---- under a budget ---- */

static Plan *smaller(Plan *a, Plan *b)
{
	return b->arena_bytes < a->arena_bytes ? b : a;
}

static int64_t arena_of_others(const Program *p)
{
	int64_t bytes = p->infer->arena_bytes;
	return p->evaluate->arena_bytes > bytes ? p->evaluate->arena_bytes
	                                        : bytes;
}

/* What would fit, and what could not: `floor` is of the training step. */
static void find_limits(Program *p, const Graph *forward, int64_t floor)
{
	bool whole = graph_batch(forward) <= 1;
	const Plan *other[] = {p->infer, p->evaluate};
	for (int i = 0; i < 2; i++) {
		int64_t bytes = other[i] ? plan_floor(other[i], whole) : 0;
		floor = bytes > floor ? bytes : floor;
	}
	p->smallest_ram = p->arena_bytes + p->state_bytes;
	p->ram_floor = floor + p->state_bytes;
}

static void note_budget(Program *p, const Budget *b)
{
	p->extra_flops = budget_extra(b, p->train);
	budget_techniques(b, p->train, &p->ntechniques, &p->technique);
}

/* As small as they can be. */
static Program with_least_others(const Program *p, const Graph *forward,
                                 const Options *o)
{
	Program q = *p;
	q.infer = fit_other(p->infer, infer_graph, forward, o, 0);
	q.evaluate = fit_other(p->evaluate, evaluate_graph, forward, o, 0);
	return q;
}

static Plan *fit_step(const Program *p, Budget *b, int64_t arena,
                      const Graph *forward, const Options *o)
{
	Plan *plan = budget_fit(b, arena);
	if (plan)
		return plan;
	Program q = with_least_others(p, forward, o);
	return budget_fit_swept(b, arena, arena_of_others(&q));
}

/* The training step that fits; or the smallest, and what would fit it. */
static void fit_budget(Program *p, Budget *b, const Graph *forward,
                       const Options *o)
{
	int64_t arena = o->ram - p->state_bytes;
	Program q = *p;
	p->infer = fit_other(q.infer, infer_graph, forward, o, arena);
	p->evaluate = fit_other(q.evaluate, evaluate_graph, forward, o, arena);
	Plan *plan = arena_of_others(p) <= arena
		? fit_step(&q, b, arena, forward, o) : NULL;
	p->fits = plan != NULL;
	p->train = plan ? plan : budget_smallest(b);
	program_layout(p);
	note_budget(p, b);
	if (!p->fits)
		find_limits(p, forward, budget_floor(b));
}

/* The training step with the least memory at that price. The other functions
 * are no larger, if their batch in parts can help it. */
static void fit_limit(Program *p, Budget *b, const Graph *forward,
                      const Options *o)
{
	Program q = with_least_others(p, forward, o);
	int64_t arena = arena_of_others(&q);
	p->train = budget_least(b, o->limit, arena);
	if (p->train->arena_bytes > arena)
		arena = p->train->arena_bytes;
	p->infer = fit_other(p->infer, infer_graph, forward, o, arena);
	p->evaluate = fit_other(p->evaluate, evaluate_graph, forward, o, arena);
	program_layout(p);
	note_budget(p, b);
}

/* A program without a step to train has nothing to compute twice. */
static void fit_inference(Program *p, const Graph *forward, const Options *o)
{
	if (o->ram)
		p->infer = tile_other(p->infer, infer_graph, forward, o,
		                      o->ram - p->state_bytes);
	program_layout(p);
	p->fits = !o->ram || p->arena_bytes + p->state_bytes <= o->ram;
	if (!p->fits)
		find_limits(p, forward, 0);
}

/* The curve with the other functions as small as they can be. */
static void sweep(Program *p, Budget *b, const Graph *forward, const Options *o)
{
	Program q = with_least_others(p, forward, o);
	budget_sweep(b, p, arena_of_others(&q));
}

static void finish_budget(Program *p, Budget *b, const Graph *forward,
                          const Options *o)
{
	p->ram = o->ram;
	p->limited = o->limited;
	p->limit = o->limit;
	p->fits = true;
	program_layout(p);
	if (!b) {
		fit_inference(p, forward, o);
		return;
	}
	if (o->ram)
		fit_budget(p, b, forward, o);
	if (o->limited)
		fit_limit(p, b, forward, o);
	if (o->sweep)   /* last: it must not change the program */
		sweep(p, b, forward, o);
}

/* The graph is the same for any number of parts. */
enum { SOME_PARTS = 2 };

/* Micro-batches that were asked for are in g. */
static StepForms step_forms(Graph *g, const Graph *forward, const Options *o)
{
	StepForms forms = {
		.train = g,
		.divided = o->parts > 1 ? g : step_to_divide(g, forward, o),
	};
	if (o->parts > 1)
		return forms;
	Options rows = *o, cut = *o, shorter = *o;
	rows.loss_parts = SOME_PARTS;
	cut.segment = SEGMENT_AUTO;
	shorter.segment = SEGMENT_SHORT;
	rows.dump_after = cut.dump_after = shorter.dump_after = NULL;
	bool in_parts = may_divide_loss(forward, o);
	bool in_time = has_recurrence(forward) && !o->segment;
	forms.nrows = count_loss_rows(forward, o);
	forms.segmented = in_time ? train_again(forward, &cut) : NULL;
	forms.shorter = in_time ? train_again(forward, &shorter) : NULL;
	forms.rows = in_parts ? train_again(forward, &rows) : NULL;
	rows.segment = SEGMENT_AUTO;
	forms.both = in_parts && in_time ? train_again(forward, &rows) : NULL;
	rows.segment = SEGMENT_SHORT;
	forms.both_shorter = forms.both ? train_again(forward, &rows) : NULL;
	return forms;
}

static Plan *plan_as_asked(Graph *g, const Graph *forward, const Options *o,
                           Budget **b)
{
	if (!o->ram && !o->limited && !o->sweep)
		return plan_step(g, o);
	StepForms forms = step_forms(g, forward, o);
	*b = budget_create(g->unit->arena, &forms, o);
	return budget_plain(*b);
}

/* Parts may cost more than they save: what is summed over them lives longer. */
static void check_parts(const Graph *whole, const Plan *plan, const Options *o)
{
	Options undivided = *o;
	undivided.micro_batch = 0;
	undivided.parts = 0;
	int64_t bytes = plan_step(graph_clone(whole, whole->name, NULL),
	                          &undivided)->arena_bytes;
	if (bytes <= plan->arena_bytes)
		warn_at(whole->unit, (Loc){0}, "--micro-batch %lld does not pay: "
		        "the arena takes %lld bytes, and %lld with the whole "
		        "batch at once", (long long)o->micro_batch,
		        (long long)plan->arena_bytes, (long long)bytes);
}

static int64_t arena_of(const Graph *forward, Options at_once)
{
	at_once.dump_after = NULL;
	return plan_step(train_again(forward, &at_once), &at_once)->arena_bytes;
}

/* So may segments: gradients of weights are summed over them. */
static void check_pays(const Graph *forward, const Plan *plan, const Options *o)
{
	Options at_once = *o;
	at_once.segment = 0;
	int64_t bytes = arena_of(forward, at_once);
	if (bytes <= plan->arena_bytes)
		warn_at(forward->unit, (Loc){0}, "--recompute-time does not "
		        "pay: the arena takes %lld bytes, and %lld with all "
		        "steps of time at once",
		        (long long)plan->arena_bytes, (long long)bytes);
}

/* And so may parts of the loss. */
static void check_loss_parts(const Graph *forward, const Plan *plan,
                             const Options *o)
{
	Options at_once = *o;
	at_once.loss_parts = 0;
	int64_t bytes = arena_of(forward, at_once);
	if (bytes <= plan->arena_bytes)
		warn_at(forward->unit, (Loc){0}, "--loss-parts %lld does not "
		        "pay: the arena takes %lld bytes, and %lld with all "
		        "rows at once", (long long)o->loss_parts,
		        (long long)plan->arena_bytes, (long long)bytes);
}

static bool may_be_whole(const Model *m)
{
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->thin && m->var[i]->thin->passes_more)
			return true;
	return false;
}

/* The same step from whole gradients, where those are small; or the plan. */
static Plan *try_whole(Plan *plan, const Graph *forward, const Options *o)
{
	if (!may_be_whole(forward->model))
		return plan;
	Options whole = *o;
	whole.whole = true;
	whole.dump_after = NULL;
	Graph *g = train_again(forward, &whole);
	if (o->parts > 1)
		g = step_to_divide(g, forward, &whole);
	return smaller(plan, plan_step(g, &whole));
}

static void plan_training(Program *p, const Graph *forward, const Options *o,
                          bool again, Budget **b)
{
	Graph *g = train_graph(forward, o, again);
	if (!g || g->unit->nerrors)
		return;
	bool divided = o->parts > 1 && !o->ram && !o->limited;
	Graph *whole = divided ? graph_clone(g, g->name, NULL) : NULL;
	g = o->parts > 1 ? step_to_divide(g, forward, o) : g;
	graph_verify(g);
	Graph *copy = o->explain ? graph_clone(g, g->name, NULL) : NULL;
	p->train = plan_as_asked(g, forward, o, b);
	if (!*b)
		p->train = try_whole(p->train, forward, o);
	if (divided)
		check_parts(whole, p->train, o);
	else if (o->segment && !*b && has_recurrence(forward))
		check_pays(forward, p->train, o);
	else if (o->loss_parts > 1 && !*b)
		check_loss_parts(forward, p->train, o);
	if (o->explain)
		explain(p, copy, p->train->arena_bytes, o);
}

/* Into how many parts the micro-batch divides the batch. */
static bool find_parts(const Graph *forward, Options *o)
{
	int64_t batch = graph_batch(forward);
	if (!o->micro_batch)
		return true;
	if (!batch || batch % o->micro_batch) {
		error_at(forward->unit, (Loc){0}, "micro-batches of %lld do not "
		         "divide the batch of %lld; give --batch, or a divisor of "
		         "it", (long long)o->micro_batch, (long long)batch);
		return false;
	}
	o->parts = batch / o->micro_batch;
	return true;
}

/* Whether the loss can be in so many parts of its rows. Who asks for that does not
 * want inference to have them whole. */
static bool find_loss_parts(const Graph *forward, Options *o)
{
	int64_t rows = count_loss_rows(forward, o);
	if (o->loss_parts < 2)
		return true;
	if (o->parts > 1) {
		error_at(forward->unit, (Loc){0}, "--loss-parts %lld: with the "
		         "batch in parts, so is the loss; give --micro-batch or "
		         "--loss-parts", (long long)o->loss_parts);
		return false;
	}
	o->given_outputs = true;
	if (rows && rows % o->loss_parts == 0)
		return true;
	error_at(forward->unit, (Loc){0}, "--loss-parts %lld does not divide "
	         "the %lld rows of what the loss is of",
	         (long long)o->loss_parts, (long long)rows);
	return false;
}

static void check_segments(const Graph *forward, const Options *o)
{
	if (o->segment && !has_recurrence(forward))
		warn_at(forward->unit, (Loc){0}, "--recompute-time changes "
		        "nothing: the model has no recurrent layer");
}

static void name_plans(Program *p)
{
	const Plan *of[] = {p->train, p->infer, p->evaluate};
	for (int i = 0; i < 3; i++)
		if (of[i])
			plan_name(of[i]);
	for (int i = 0; i < p->npoints; i++)
		plan_name(p->point[i].plan);
}

/* From a forward graph that went through its passes. */
static Program *program_of(Graph *forward, const Options *o, bool again)
{
	Unit *u = forward->unit;
	Budget *budget = NULL;
	Program *p = arena_new(u->arena, Program);
	p->model = forward->model;
	p->target = target_or_host(o->target);
	p->align = p->target->core->align;
	forget_mutable(p->model);
	if (o->loss.kind != LOSS_NONE) {
		plan_training(p, forward, o, again, &budget);
		if (!p->train)
			return NULL;
		p->evaluate = plan_other(evaluate_graph, forward, o);
	}
	p->of_probabilities = o->loss.kind > LOSS_FILE &&
		loss_is_of_probabilities(&o->loss,
		                         find_loss_output(forward,
		                                          &o->loss)->value);
	p->infer = plan_other(infer_graph, forward, o);
	if (u->nerrors)
		return NULL;
	if (o->explain && !p->train)
		explain(p, infer_graph(forward, o), p->infer->arena_bytes, o);
	finish_budget(p, budget, forward, o);
	return p;
}

static Program *build_changed(Graph *forward, const Options *o)
{
	return program_of(forward, o, true);
}

/* The curve has what is exact first, whatever was chosen. */
static Program *allow(Program *exact, const Graph *forward, const Options *o)
{
	Program *p = exact;
	if (!p->fits)
		p = allow_changes(p, forward, o, build_changed);
	if (!o->sweep)
		return p;
	p->npoints = exact->npoints;
	p->point = exact->point;
	allow_points(p, forward, o, build_changed);
	return p;
}

Program *build_program(Graph *forward, const Options *options)
{
	Options chosen = *options, *o = &chosen;
	if (!find_parts(forward, o) || !find_loss_parts(forward, o) ||
	    !check_low_ranks(forward, o) ||
	    !check_sketches(forward, o) || !check_allowed(forward, o))
		return NULL;
	/* Before differentiation, so that what vanishes has no gradient. */
	run_pipeline(forward, STAGE_FORWARD, o);
	check_segments(forward, o);
	if (!find_tiles(forward, o))
		return NULL;
	bool thin = o->nlow_ranks || o->nsketches;
	const Graph *before = o->allow || (o->weigh && thin)
	                      ? graph_detach(forward) : NULL;
	Program *p = program_of(forward, o, false);
	if (p)
		warn_of_thin(forward, o);
	if (p && p->train && o->weigh && thin)
		p->thin = total_thin(p, before, o, build_changed);
	if (p && o->allow)
		p = allow(p, before, o);
	if (p)
		name_plans(p);
	return p;
}

/*
 * The training step, planned. A gradient that is applied at once is never whole
 * in memory; but what it is computed from must stay until then, though without
 * it a gradient further down might lie over that (see fuse_update.c). What is
 * better depends on the batch and on the layer at the peak: so steps are
 * planned by several rules, and compared. With the batch in parts, so are
 * updates behind one loop and between several (scan_update.h).
 *
 * What is not at the peak costs nothing. So the last rule is that all gradients
 * go; while the arena is larger with it, those that have something wait at the
 * fullest step go with the gradient of a convolution's input, or stay.
 */
#include "ir/conv.h"
#include "ir/op.h"
#include "ir/target.h"
#include "passes/pass.h"

static Plan *smaller(Plan *a, Plan *b)
{
	return b->arena_bytes < a->arena_bytes ? b : a;
}

static Plan *plan_by_rule(const Graph *g, const Options *o, GradientRule rule,
                          const GradientStay *stays)
{
	Options by_rule = *o;
	by_rule.gradients = rule;
	by_rule.stays = stays;
	by_rule.dump_after = NULL;
	return plan_graph(graph_clone(g, g->name, NULL), STAGE_FUNCTION,
	                  &by_rule);
}

/* ---- the least of the two ---- */

/* How many nodes it comes to: as many as by another rule if they agree. */
static int count_by_rule(const Graph *g, const Options *o, GradientRule rule)
{
	Options by_rule = *o;
	Graph *probe = graph_clone(g, g->name, NULL);
	by_rule.gradients = rule;
	by_rule.dump_after = NULL;
	run_pipeline(probe, STAGE_FUNCTION, &by_rule);
	return graph_count(probe, NULL);
}

static Plan *plan_least(Graph *g, const Options *o)
{
	Graph *before = graph_clone(g, g->name, NULL);
	int overlaid = count_by_rule(g, o, GRADIENTS_OVERLAID);
	Plan *plan = plan_graph(g, STAGE_FUNCTION, o);
	if (graph_count(g, NULL) == overlaid)
		return plan;
	return smaller(plan, plan_by_rule(before, o, GRADIENTS_OVERLAID, NULL));
}

/* ---- none, where that costs nothing ---- */

static bool has_gradients(const Plan *plan)
{
	for (int b = 0; b < plan->nbuffers; b++)
		if (plan->buffer[b].memory == MEM_GRADIENT)
			return true;
	return false;
}

/* The step by which all that step `to` reads has been computed. */
static int ready(const Plan *plan, int to)
{
	const Node *n = plan->step[to];
	int s = to;
	for (bool found = false; s > 0 && !found; s--)
		for (int i = 0; i < n->nin; i++)
			found |= n->in[i]->def == plan->step[s - 1];
	return s;
}

/* The last step at which as much lives as at the peak. */
static int last_peak(const Plan *plan)
{
	Arena *scratch = arena_create();
	int64_t *live = arena_array(scratch, int64_t, plan->nsteps);
	int last = plan->peak_step;
	plan_live(plan, live);
	for (int s = last; s < plan->nsteps; s++)
		if (live[s] >= live[plan->peak_step])
			last = s;
	arena_destroy(scratch);
	return last;
}

/* The parameters whose updates have something wait at the fullest step stay, or
 * go another way; true if there were any. */
static bool add_staying(const Plan *plan, GradientStay stays[],
                        const Options *o)
{
	bool any = false;
	const int last = last_peak(plan);
	for (int s = plan->peak_step; s < plan->nsteps; s++) {
		const Node *n = plan->step[s];
		if (!op_fuses_gradients(n->op) ||
		    ready(plan, s) > last)
			continue;
		for (int i = 0; i < n->nout; i++) {
			const Variable *var = n->out[i]->var;
			if (!var || stays[var->id] == GRADIENT_STAYS)
				continue;
			stays[var->id]++;
			any = true;
		}
	}
	return any;
}

/* Without gradients, as far as the arena then is no larger than that of the
 * plan, but for what alignment leaves; it gives that plan back if nothing was
 * found in so many attempts. */
static Plan *without_gradients(const Graph *g, Plan *plan, const Options *o)
{
	enum { ATTEMPTS = 16, ALIGNMENT = 16 };
	int64_t bytes = plan->arena_bytes + ALIGNMENT;
	GradientStay *stays = arena_array(g->unit->arena, GradientStay,
	                                  g->model->nvars);
	for (int i = 0; i < ATTEMPTS; i++) {
		Plan *other = plan_by_rule(g, o, GRADIENTS_GONE, stays);
		if (other->arena_bytes > bytes && other->lower_bound <= bytes)
			plan_place_again(other);
		if (other->arena_bytes <= bytes)
			return other;
		if (!add_staying(other, stays, o))
			break;
	}
	return plan;
}

static Plan *plan_undivided(Graph *g, const Options *o)
{
	bool searched = o->ram || o->limited || o->sweep;
	Graph *before = graph_clone(g, g->name, NULL);
	Plan *plan = plan_least(g, o);
	if (searched || !has_gradients(plan))
		return plan;
	return without_gradients(before, plan, o);
}

/* ---- in parts ---- */

Plan *plan_step(Graph *g, const Options *o)
{
	if (o->parts < 2)
		return plan_undivided(g, o);
	if (o->sums)
		return plan_least(g, o);
	Options early = *o;
	early.sums = INT64_MAX;
	early.dump_after = NULL;
	Graph *other = graph_clone(g, g->name, NULL);
	Plan *plan = plan_least(g, o);
	return smaller(plan, plan_least(other, &early));
}

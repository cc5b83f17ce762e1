/*
 * Fitting a budget. A Variant is the training step compiled in one way: with
 * nothing computed twice, with cheap values recomputed, without workspaces for
 * its kernels, with the batch in parts. Each has its plan, and a model of it in
 * which the search for recomputations works; what that finds counts when it has
 * been planned and placed, and misses are made good by asking for less.
 */
#include "ir/target.h"
#include "passes/budget_parts.h"
#include "passes/budget_whole.h"
#include "passes/pass.h"

Budget *budget_create(Arena *a, const StepForms *forms, const Options *o)
{
	Budget *b = arena_new(a, Budget);
	*b = (Budget){
		.arena = a, .options = o, .forms = *forms,
		.tiled_for = INT64_MAX,
		.search = !pass_is_disabled(&pass_recompute, o),
	};
	budget_add_whole(b);
	return b;
}

void budget_restart(Budget *b)
{
	Options *quiet = arena_new(b->arena, Options);
	*quiet = *b->options;
	quiet->dump_after = NULL;
	*b = *budget_create(b->arena, &b->forms, quiet);
}

Plan *budget_plain(const Budget *b)
{
	return b->variant[b->plain].plan;
}
/* ---- the search in one variant ---- */

static bool has_views(const Plan *plan)
{
	for (int i = 0; i < plan->nsteps; i++)
		if (plan->step[i]->op->pieces &&
		    plan_skips(plan, plan->step[i]))
			return true;
	return false;
}

/* In the model of the search no value lies inside of another: that is as good
 * as it gets where the one is computed again and the other is not. So is the
 * order that it begins with; what it finds is planned with both. */
static const Plan *plan_to_begin_with(Budget *b, const Variant *v)
{
	Options o = *b->options;
	if (!has_views(v->plan))
		return v->plan;
	options_disable(b->arena, &o, "views");
	return plan_memory((Graph *)v->plan->graph, &o);
}

static Remat *remat_of(Budget *b, Variant *v)
{
	if (v->remat) {
		remat_measure(v->remat, &v->remat->base);
		return v->remat;
	}
	Graph *g = (Graph *)v->plan->graph;
	Problem *p = problem_create(b->arena, g);
	int *task = arena_array(b->arena, int, g->nnodes + 1);
	int *order = arena_array(b->arena, int, p->ntasks + 1);
	for (int t = 0; t < p->ntasks; t++)
		task[p->task[t].node->id] = t;
	const Plan *first = plan_to_begin_with(b, v);
	for (int i = 0; i < first->nsteps; i++)
		order[i] = task[first->step[i]->id];
	v->remat = remat_create(b->arena, p, order);
	remat_measure(v->remat, &v->remat->base);
	return v->remat;
}

static Plan *realise(Budget *b, int variant, const Sequence *q)
{
	Plan *plan = plan_memory(remat_graph(b->variant[variant].remat, q),
	                         b->options);
	budget_remember(b, plan, variant);
	return plan;
}

/* The model's bytes for an arena of that many: they differ by alignment, and by
 * what the placement can do that the model does not know. */
static int64_t first_target(const Variant *v, int64_t arena_bytes)
{
	const Remat *r = v->remat;
	if (r->peak <= v->plan->arena_bytes)
		return arena_bytes;
	return (int64_t)((double)arena_bytes * (double)r->peak /
	                 (double)v->plan->arena_bytes);
}

static bool cheaper(const Plan *a, const Plan *b)
{
	if (!a || !b)
		return a != NULL;
	if (a->cost.flops != b->cost.flops)
		return a->cost.flops < b->cost.flops;
	return a->arena_bytes < b->arena_bytes;
}

/* Asks for less until the plan fits, then for more, half-way to where it did
 * not. */
static Plan *fit_from(Budget *b, int variant, int64_t target,
                      int64_t arena_bytes, int64_t effort)
{
	enum { TIMES = 6, CLOSE = 128 };
	Remat *r = remat_of(b, &b->variant[variant]);
	Sequence q = sequence_create(r);
	Plan *best = NULL;
	int64_t fits = 0, fails = 0;   /* targets */
	for (int i = 0; i < TIMES && target > 0; i++) {
		if (!remat_search(r, target, effort, &q))
			break;
		Plan *plan = realise(b, variant, &q);
		if (plan->arena_bytes > arena_bytes) {
			fails = target;
		} else {
			best = cheaper(plan, best) ? plan : best;
			fits = target;
		}
		if (best && fails - fits <= fits / CLOSE)
			break;
		target = best ? fits + (fails - fits) / 2
		              : target - (plan->arena_bytes - arena_bytes) -
		                    target / 512;
	}
	return best;
}

/* What lies inside of others makes the model's bytes more than the arena's, but
 * nobody knows how many more: so it is also taken at its word. */
static Plan *fit_variant(Budget *b, int variant, int64_t arena_bytes,
                         int64_t effort)
{
	Variant *v = &b->variant[variant];
	if (v->batch)
		return budget_fit_parts(b, variant, arena_bytes, effort);
	effort /= v->share;
	remat_of(b, v);
	Plan *plan = fit_from(b, variant, first_target(v, arena_bytes),
	                      arena_bytes, effort);
	if (!has_views(v->plan))
		return plan;
	Plan *other = fit_from(b, variant, arena_bytes, arena_bytes, effort);
	return cheaper(other, plan) ? other : plan;
}

/* ---- the choice ---- */

static Plan *cheapest_found(const Budget *b, int64_t arena_bytes, bool last)
{
	Plan *best = NULL;
	for (int i = 0; i < b->nfound; i++) {
		Plan *plan = b->found[i].plan;
		if (b->variant[b->found[i].variant].last <= last &&
		    plan->arena_bytes <= arena_bytes && cheaper(plan, best))
			best = plan;
	}
	return best;
}

static void search_fit(Budget *b, int64_t arena_bytes, int64_t effort,
                       bool last)
{
	for (int v = 0; v < b->nvariants && b->search; v++)
		if (b->variant[v].last == last)
			fit_variant(b, v, arena_bytes, effort);
}

/* ---- the smallest ---- */

static void shrink(Budget *b, int variant)
{
	enum { TIMES = 8 };
	if (b->variant[variant].batch) {
		budget_shrink_parts(b, variant);
		return;
	}
	Remat *r = remat_of(b, &b->variant[variant]);
	Sequence q = sequence_create(r);
	int64_t hi = r->peak, lo = problem_floor(r->p) - 1, target = lo + 1;
	int64_t effort = TRY_EFFORT / b->variant[variant].share;
	for (int i = 0; i < TIMES && hi - lo > hi / 256; i++) {
		bool good = remat_search(r, target, effort, &q);
		if (r->peak < hi) {
			hi = r->peak;
			realise(b, variant, &q);
		}
		if (!good)
			lo = target;
		target = lo + (hi - lo) / 2;
	}
}

static int variant_of(const Budget *b, const Plan *plan)
{
	for (int i = 0; i < b->nfound; i++)
		if (b->found[i].plan == plan)
			return b->found[i].variant;
	BUG("a plan of no variant");
}

/* The variants that there always are have theirs. */
static void add_without_workspace(Budget *b, int variant)
{
	const Variant *v = &b->variant[variant];
	const Core *core = target_or_host(b->options->target)->core;
	if (variant <= b->plain || v->last || !core->workspace ||
	    b->nvariants == MAX_VARIANTS ||
	    pass_is_disabled(&pass_workspace, &v->options))
		return;
	if (v->batch)
		budget_add_parts_without_workspace(b, variant);
	else
		budget_add_without_workspace(b, variant);
}

static void shrink_without_workspace(Budget *b)
{
	int before = b->nvariants;
	add_without_workspace(b, variant_of(b, b->smallest));
	if (b->search && b->nvariants > before)
		shrink(b, before);
}

/* As long as all effort, spent on the variant that is smallest, finds less. */
static void ask_for_less(Budget *b)
{
	enum { TIMES = 16, COARSE = 128, FINE = 1024 };
	int64_t part = COARSE;
	for (int i = 0; i < TIMES && part <= FINE; i++) {
		int64_t bytes = b->smallest->arena_bytes;
		fit_variant(b, variant_of(b, b->smallest),
		            bytes - bytes / part - 1, EFFORT);
		if (b->smallest->arena_bytes == bytes)
			part *= FINE / COARSE;
	}
}

Plan *budget_smallest(Budget *b)
{
	if (b->shrunk)
		return b->smallest;
	b->shrunk = true;
	budget_add_tiles(b, 0);
	budget_divide(b);
	budget_add_finest_loss(b);
	for (int v = 0; v < b->nvariants && b->search; v++)
		if (v > 0 || b->nvariants == 1)
			shrink(b, v);
	shrink_without_workspace(b);
	if (b->search)
		ask_for_less(b);
	return b->smallest;
}

int64_t budget_floor(const Budget *b)
{
	bool whole = graph_batch(b->forms.train) <= 1;
	int64_t least = INT64_MAX;
	for (int v = 0; v < b->nvariants; v++) {
		int64_t bytes = plan_floor(b->variant[v].plan, whole);
		least = bytes < least ? bytes : least;
	}
	return least;
}

/* ---- what fits ---- */

static Plan *fit(Budget *b, int64_t arena_bytes, int64_t effort)
{
	Plan *nothing_twice = b->variant[0].plan;
	if (nothing_twice->arena_bytes <= arena_bytes)
		return nothing_twice;
	budget_add_tiles(b, arena_bytes);
	if (budget_tiles_fit(b, arena_bytes))
		return cheapest_found(b, arena_bytes, false);
	budget_divide(b);
	for (int last = 0; last < 2; last++) {
		search_fit(b, arena_bytes, effort, last);
		Plan *plan = cheapest_found(b, arena_bytes, last);
		if (plan)
			return plan;
	}
	budget_smallest(b);
	return cheapest_found(b, arena_bytes, true);
}

Plan *budget_fit(Budget *b, int64_t arena_bytes)
{
	return fit(b, arena_bytes, EFFORT);
}

void budget_try(Budget *b, int64_t arena_bytes)
{
	fit(b, arena_bytes, TRY_EFFORT);
}

Plan *budget_cheapest(const Budget *b, int64_t arena_bytes)
{
	return cheapest_found(b, arena_bytes, true);
}

int64_t budget_extra(const Budget *b, const Plan *plan)
{
	return plan->cost.flops - b->variant[0].plan->cost.flops;
}

/* ---- what was done ---- */

static void add_technique(int *n, Technique *list, const char *name,
                          const Plan *from, const Plan *to)
{
	if (name && from != to)
		list[(*n)++] = (Technique){
			name, from->arena_bytes - to->arena_bytes,
			to->cost.flops - from->cost.flops};
}

/* What variant v adds, after what it adds it to. */
static const Plan *add_techniques(const Budget *b, int v, int *n,
                                  Technique *list)
{
	const Variant *variant = &b->variant[v];
	const Plan *from = v ? add_techniques(b, variant->to, n, list)
	                     : variant->plan;
	add_technique(n, list, variant->name, from, variant->plan);
	return variant->plan;
}

void budget_techniques(const Budget *b, const Plan *plan, int *n,
                       Technique **list)
{
	*n = 0;
	*list = arena_array(b->arena, Technique, MAX_VARIANTS + 1);
	for (int i = 0; i < b->nfound; i++) {
		if (b->found[i].plan != plan)
			continue;
		const Plan *from = add_techniques(b, b->found[i].variant, n,
		                                  *list);
		add_technique(n, *list, "recompute under the budget", from,
		              plan);
		return;
	}
}

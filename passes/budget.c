/*
 * Fitting a budget. A Variant is the training step compiled in one way: with
 * nothing computed twice, with cheap values recomputed, without workspaces for
 * its kernels, with the batch in parts. Each has its plan, and a model of it in which the search for
 * recomputations works; what that finds counts when it has been planned and
 * placed, and misses are made good by asking for less.
 */
#include "passes/budget.h"

#include "passes/batch.h"
#include "passes/pass.h"
#include "passes/remat.h"
#include "passes/scan_update.h"
#include "passes/shrink.h"

#include <string.h>

enum { MAX_VARIANTS = 24 };

typedef struct Variant {
	const char *name;     /* of the technique that it adds; NULL: none */
	Plan *plan;
	Remat *remat;         /* made when it is first needed */
	bool last;            /* only where nothing else fits */
	Options options;      /* with the batch in parts, */
	Batch *batch;         /*   and the items that this makes; or NULL */
	int64_t missed;       /* the largest target that was not reached */
} Variant;

/* A plan, and the variant that it came from. */
typedef struct Found {
	Plan *plan;
	int variant;
} Found;

struct Budget {
	Arena *arena;
	const Options *options;
	bool search;          /* values may be computed twice */
	int nvariants, plain; /* plain: the one without a budget */
	Variant variant[MAX_VARIANTS];
	int nfound, maxfound;
	Found *found;
	const Graph *train;   /* before the passes */
	const Graph *in_parts;   /* the same, to be divided */
	bool divided;         /* the variants in parts were made */
	bool shrunk;          /* the smallest was looked for */
	Plan *smallest;
};

/* ---- variants ---- */

static void remember(Budget *b, Plan *plan, int variant)
{
	if (b->nfound == b->maxfound) {
		b->maxfound = b->maxfound ? 2 * b->maxfound : 64;
		Found *more = arena_array(b->arena, Found, b->maxfound);
		if (b->nfound)
			memcpy(more, b->found,
			       sizeof *more * (size_t)b->nfound);
		b->found = more;
	}
	b->found[b->nfound++] = (Found){plan, variant};
	if (!b->smallest || plan->arena_bytes < b->smallest->arena_bytes)
		b->smallest = plan;
}

static void add_variant(Budget *b, const Graph *train, const char *name,
                        const char *without, const char *without_too)
{
	Options o = *b->options;
	if (without)
		options_disable(b->arena, &o, without);
	if (without_too)
		options_disable(b->arena, &o, without_too);
	if (b->nvariants)
		o.dump_after = NULL;
	Graph *g = graph_clone(train, train->name, NULL);
	Variant *v = &b->variant[b->nvariants++];
	v->name = name;
	v->plan = plan_step(g, &o);
	remember(b, v->plan, b->nvariants - 1);
}

Budget *budget_create(Arena *a, const Graph *train, const Graph *divided,
                      const Options *o)
{
	Budget *b = arena_new(a, Budget);
	const Core *core = target_or_host(o->target)->core;
	b->arena = a;
	b->options = o;
	b->train = train;
	b->in_parts = divided;
	b->search = !pass_is_disabled(&pass_recompute, o);
	add_variant(b, train, NULL, "recompute", NULL);
	if (b->search) {
		add_variant(b, train, "recompute cheap values", NULL, NULL);
		b->plain = 1;
	}
	if (core->workspace && !pass_is_disabled(&pass_workspace, o)) {
		add_variant(b, train, "no workspace", "workspace", NULL);
		b->variant[b->nvariants - 1].last = true;
	}
	return b;
}

Plan *budget_plain(const Budget *b)
{
	return b->variant[b->plain].plan;
}

/* ---- the batch in parts ---- */

/* A plan of the variant's items, as the choice of repetitions has them. */
static Plan *plan_batch(Budget *b, int variant)
{
	Variant *v = &b->variant[variant];
	Plan *plan = plan_graph(batch_graph(v->batch), STAGE_ARRANGED,
	                        &v->options);
	remember(b, plan, variant);
	return plan;
}

/* What is cheap to compute again, the search finds out: that any pass decided it
 * before would be in its way. Updates are fused when the loops are formed, and
 * only nodes that have no workspace yet can be. */
static void add_parts(Budget *b, int64_t parts, int64_t sums)
{
	Variant *v = &b->variant[b->nvariants];
	v->options = *b->options;
	v->options.parts = parts;
	v->options.sums = sums;
	v->options.dump_after = NULL;
	v->name = arena_printf(b->arena, "batch in %lld parts%s",
	                       (long long)parts, sums ? ", early updates" : "");
	if (sums)
		options_disable(b->arena, &v->options, "workspace");
	Options o = v->options;
	options_disable(b->arena, &o, "scan");
	options_disable(b->arena, &o, "fuse-update");
	options_disable(b->arena, &o, "workspace");
	options_disable(b->arena, &o, "recompute");
	Graph *g = graph_clone(b->in_parts, b->in_parts->name, NULL);
	run_pipeline(g, STAGE_FUNCTION, &o);
	v->batch = batch_create(b->arena, g, &v->options);
	options_disable(b->arena, &v->options, "scan");   /* they are made */
	if (v->batch)
		v->plan = plan_batch(b, b->nvariants++);
}

/* With room for the sums of all gradients, of half of them, and of a quarter; in
 * coarser parts too, which add to a parameter less often. */
static void add_early_updates(Budget *b, int64_t batch)
{
	enum { FEWEST = 4, COARSE = 4 };
	const Variant *v = &b->variant[b->nvariants - 1];
	int64_t all = bytes_of_updates(b->train);
	if (!v->batch || b->nvariants + 4 > MAX_VARIANTS ||
	    !sums_are_much(b->options, all, v->plan->arena_bytes))
		return;
	if (batch % COARSE == 0 && batch > COARSE)
		add_parts(b, batch / COARSE, all);
	for (int i = 1; i <= FEWEST; i *= 2)
		add_parts(b, batch, all / i);
}

/* By every divisor of the batch, if they are few. */
static void divide_batch(Budget *b)
{
	enum { MOST = 8 };
	int64_t batch = graph_batch(b->train);
	if (b->divided || b->options->micro_batch ||
	    pass_is_disabled(&pass_scan, b->options))
		return;
	b->divided = true;
	for (int64_t d = 2; d <= batch; d++)
		if (batch % d == 0 && b->nvariants < MAX_VARIANTS &&
		    (d <= MOST || d == batch || (d & (d - 1)) == 0))
			add_parts(b, d, 0);
	add_early_updates(b, batch);
}

static bool is_finest(const Budget *b, int variant)
{
	return b->variant[variant].options.parts ==
	       b->variant[b->nvariants - 1].options.parts;
}

/* The plan with smaller loops, if that is so small; else as it is. */
static Plan *shrink_plan(Budget *b, int variant, Plan *plan,
                         int64_t arena_bytes)
{
	const Options *o = &b->variant[variant].options;
	Plan *less = shrink_loops(plan, arena_bytes, o);
	if (less)
		remember(b, less, variant);
	return less && less->arena_bytes < plan->arena_bytes ? less : plan;
}

static Plan *fit_batch(Budget *b, int variant, int64_t arena_bytes,
                       int64_t effort)
{
	/* What fits into fewer parts fits into more. */
	enum { TIMES = 4, FINEST = 2, OTHERS = 64 };
	Variant *v = &b->variant[variant];
	bool finest = is_finest(b, variant);
	int64_t target = arena_bytes;
	effort = finest ? effort * FINEST : effort / OTHERS;
	for (int i = 0; i < TIMES && target > 0; i++) {
		if (!finest && target <= v->missed)
			return NULL;
		bool found = batch_search(v->batch, target, effort);
		Plan *plan = plan_batch(b, variant);
		if (!found && target > v->missed)
			v->missed = target;
		plan = shrink_plan(b, variant, plan, arena_bytes);
		if (plan->arena_bytes <= arena_bytes || !found)
			return plan;
		target -= plan->arena_bytes - arena_bytes + target / 512;
	}
	return NULL;
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
	remember(b, plan, variant);
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
		return fit_batch(b, variant, arena_bytes, effort);
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

enum { EFFORT = 40000000, TRY_EFFORT = 4000000 };

/* By eighths, as long as its loops can be made smaller. */
static void shrink_further(Budget *b, int variant, Plan *plan)
{
	const int64_t eighth = plan->arena_bytes / 8;
	for (int i = 7; i > 0; i--)
		if (shrink_plan(b, variant, plan, i * eighth)->arena_bytes >
		    i * eighth)
			break;
}

/* The most parts make it smallest. */
static void shrink_batch(Budget *b, int variant)
{
	enum { TIMES = 6 };
	Batch *batch = b->variant[variant].batch;
	if (!is_finest(b, variant))
		return;
	batch_forget(batch);   /* what is smallest depends on no budget */
	batch_search(batch, 0, 0);
	Plan *plan = plan_batch(b, variant);
	int64_t hi = batch->peak, lo = hi / 4;
	for (int i = 0; i < TIMES && hi - lo > hi / 64; i++) {
		int64_t target = lo + (hi - lo) * 3 / 4;
		if (!batch_search(batch, target, TRY_EFFORT)) {
			lo = target;
			continue;
		}
		hi = batch->peak;
		plan = plan_batch(b, variant);
	}
	shrink_further(b, variant, plan);
}

static void shrink(Budget *b, int variant)
{
	enum { TIMES = 8 };
	if (b->variant[variant].batch) {
		shrink_batch(b, variant);
		return;
	}
	Remat *r = remat_of(b, &b->variant[variant]);
	Sequence q = sequence_create(r);
	int64_t hi = r->peak, lo = problem_floor(r->p) - 1, target = lo + 1;
	for (int i = 0; i < TIMES && hi - lo > hi / 256; i++) {
		bool good = remat_search(r, target, TRY_EFFORT, &q);
		if (r->peak < hi) {
			hi = r->peak;
			realise(b, variant, &q);
		}
		if (!good)
			lo = target;
		target = lo + (hi - lo) / 2;
	}
}

Plan *budget_smallest(Budget *b)
{
	if (b->shrunk)
		return b->smallest;
	b->shrunk = true;
	divide_batch(b);
	for (int v = 0; v < b->nvariants && b->search; v++)
		if (v > 0 || b->nvariants == 1)
			shrink(b, v);
	return b->smallest;
}

int64_t budget_floor(const Budget *b)
{
	bool whole = graph_batch(b->train) <= 1;
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
	divide_batch(b);
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

void budget_techniques(const Budget *b, const Plan *plan, int *n,
                       Technique **list)
{
	*n = 0;
	*list = arena_array(b->arena, Technique, MAX_VARIANTS + 1);
	const Plan *from = b->variant[0].plan;
	for (int i = 0; i < b->nfound; i++) {
		if (b->found[i].plan != plan)
			continue;
		int last = b->found[i].variant;
		bool batch = b->variant[last].batch != NULL;
		for (int v = batch ? last : 1; v <= last; v++) {
			add_technique(n, *list, b->variant[v].name, from,
			              b->variant[v].plan);
			from = b->variant[v].plan;
		}
		add_technique(n, *list, "recompute under the budget", from,
		              plan);
		return;
	}
}

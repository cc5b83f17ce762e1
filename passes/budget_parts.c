/*
 * The batch in parts, for a budget: a variant for each number of parts, and
 * where the sums of gradients are much of the arena, for updates before the end
 * of the step. The search for recomputations is that of batch.h, and that of
 * shrink.h inside of the loops.
 */
#include "passes/budget_parts.h"

#include "ir/target.h"
#include "passes/pass.h"
#include "passes/scan_update.h"
#include "passes/shrink.h"

/* A plan of the variant's items, as the choice of repetitions has them. */
static Plan *plan_batch(Budget *b, int variant)
{
	Variant *v = &b->variant[variant];
	Plan *plan = plan_graph(batch_graph(v->batch), STAGE_ARRANGED,
	                        &v->options);
	budget_remember(b, plan, variant);
	return plan;
}

/* What is cheap to compute again, the search finds out: that any pass decided it
 * before would be in its way. Updates are fused when the loops are formed, and
 * only nodes that have no workspace yet can be. */
static void add_parts(Budget *b, int64_t parts, int64_t sums, bool workspace)
{
	Variant *v = &b->variant[b->nvariants];
	v->options = *b->options;
	v->options.parts = parts;
	v->options.sums = sums;
	v->options.loss_parts = 0;
	v->options.dump_after = NULL;
	v->options.in_order = b->options->micro_batch != 0;
	v->name = arena_printf(b->arena, "%s%s", v->options.in_order
		? "loops over examples, sums in order"
		: arena_printf(b->arena, "batch in %lld parts",
		               (long long)parts),
		sums ? ", early updates" : "");
	if (!workspace)
		options_disable(b->arena, &v->options, "workspace");
	Options o = v->options;
	options_disable(b->arena, &o, "scan");
	options_disable(b->arena, &o, "fuse-update");
	options_disable(b->arena, &o, "workspace");
	options_disable(b->arena, &o, "recompute");
	Graph *g = graph_clone(b->forms.divided, b->forms.divided->name, NULL);
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
	int64_t all = bytes_of_updates(b->forms.train);
	bool in_order = b->options->micro_batch != 0;
	if (!v->batch || b->nvariants + 4 > MAX_VARIANTS ||
	    !sums_are_much(b->options, all, v->plan->arena_bytes))
		return;
	if (batch % COARSE == 0 && batch > COARSE)
		add_parts(b, batch / COARSE, all, in_order);
	for (int i = 1; i <= FEWEST; i *= 2)
		add_parts(b, batch, all / i, in_order);
}

/* By every divisor of the batch, if they are few. The batch that is asked for as
 * a whole, in loops over its examples that change no sum. */
void budget_divide(Budget *b)
{
	enum { MOST = 8 };
	int64_t batch = graph_batch(b->forms.train);
	if (b->divided || b->options->parts > 1 ||
	    pass_is_disabled(&pass_scan, b->options))
		return;
	b->divided = true;
	if (b->options->micro_batch) {
		if (batch > 1 && b->nvariants < MAX_VARIANTS) {
			add_parts(b, batch, 0, true);
			add_early_updates(b, batch);
		}
		return;
	}
	for (int64_t d = 2; d <= batch; d++)
		if (batch % d == 0 && b->nvariants < MAX_VARIANTS &&
		    (d <= MOST || d == batch || (d & (d - 1)) == 0))
			add_parts(b, d, 0, true);
	add_early_updates(b, batch);
}

void budget_add_parts_without_workspace(Budget *b, int variant)
{
	const Options *o = &b->variant[variant].options;
	int added = b->nvariants;
	add_parts(b, o->parts, o->sums, false);
	if (b->nvariants == added)
		return;
	Variant *without = &b->variant[added];
	without->name = arena_printf(b->arena, "no workspace, %s",
	                             without->name);
	without->last = true;
}

static bool is_finest(const Budget *b, int variant)
{
	for (int v = 0; v < b->nvariants; v++)
		if (b->variant[v].options.parts >
		    b->variant[variant].options.parts)
			return false;
	return true;
}

/* The plan with smaller loops, if that is so small; else as it is. */
static Plan *shrink_plan(Budget *b, int variant, Plan *plan,
                         int64_t arena_bytes)
{
	const Options *o = &b->variant[variant].options;
	Plan *less = shrink_loops(plan, arena_bytes, o);
	if (less)
		budget_remember(b, less, variant);
	return less && less->arena_bytes < plan->arena_bytes ? less : plan;
}

Plan *budget_fit_parts(Budget *b, int variant, int64_t arena_bytes,
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
void budget_shrink_parts(Budget *b, int variant)
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

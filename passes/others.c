#include "passes/others.h"

#include "ir/op.h"
#include "ir/target.h"
#include "passes/graphs.h"
#include "passes/pass.h"
#include "passes/tile.h"
#include "passes/train.h"

bool has_recurrence(const Graph *g)
{
	return graph_count(g, &op_LSTMRecurrence) ||
	       graph_count(g, &op_GRURecurrence) ||
	       graph_count(g, &op_RNNRecurrence);
}

Graph *make_batch_first(MakeGraph *make, const Graph *forward, const Options *o)
{
	Options first = *o;
	first.batch_first = true;
	return make(forward, &first);
}

static Plan *finish(Graph *g, const Options *o)
{
	if (!g || g->unit->nerrors)
		return NULL;
	graph_verify(g);
	return plan_graph(g, STAGE_FUNCTION, o);
}

Plan *plan_other(MakeGraph *make, const Graph *forward, const Options *o)
{
	Plan *plan = finish(make(forward, o), o);
	if (!plan || o->parts < 2 || !has_recurrence(forward))
		return plan;
	Plan *first = finish(make_batch_first(make, forward, o), o);
	return first->arena_bytes < plan->arena_bytes ? first : plan;
}

static Plan *smaller(Plan *a, Plan *b)
{
	return b->arena_bytes < a->arena_bytes ? b : a;
}

Plan *tile_other(Plan *plan, MakeGraph *make, const Graph *forward,
                 const Options *o, int64_t arena)
{
	Options bands = *o;
	bands.dump_after = NULL;
	if (plan->arena_bytes <= arena ||
	    !tile_search(make(forward, &bands), arena, &bands))
		return plan;
	return smaller(plan, finish(make(forward, &bands), &bands));
}

enum { FEW_PARTS = 8 };   /* that so many gain nothing does not yet mean much */

bool may_divide_loss(const Graph *forward, const Options *o)
{
	return !o->loss_parts && !pass_is_disabled(&pass_loss_parts, o) &&
	       count_loss_rows(forward, o) > 1;
}

/* With what the loss is of in parts of its rows, of which o then has the number. */
static Plan *divide_other(Plan *plan, MakeGraph *make, const Graph *forward,
                          Options *o, int64_t arena)
{
	int64_t rows = may_divide_loss(forward, o)
		? count_loss_rows(forward, o) : 0;
	Options parts = *o;
	parts.dump_after = NULL;
	for (int64_t k = more_loss_parts(rows, 1);
	     k <= rows && plan->arena_bytes > arena;
	     k = more_loss_parts(rows, k)) {
		parts.loss_parts = k;
		Plan *less = finish(make(forward, &parts), &parts);
		if (less->arena_bytes < plan->arena_bytes) {
			plan = less;
			o->loss_parts = k;
		} else if (k > FEW_PARTS) {
			break;
		}
	}
	return plan;
}

/* In segments of time, if that makes it smaller. */
static Plan *cut_other(Plan *plan, MakeGraph *make, const Graph *forward,
                       const Options *o, int64_t arena)
{
	Options cut = *o;
	cut.segment = SEGMENT_AUTO;
	cut.dump_after = NULL;
	if (o->segment || !has_recurrence(forward) || plan->arena_bytes <= arena)
		return plan;
	return smaller(plan, plan_other(make, forward, &cut));
}

/* In more parts, as far as they gain, where a segment of time takes less than one
 * of them. */
static Plan *divide_further(Plan *plan, MakeGraph *make, const Graph *forward,
                            const Options *o, int64_t arena)
{
	Options cut = *o;
	if (!o->loss_parts || !has_recurrence(forward))
		return plan;
	int64_t rows = count_loss_rows(forward, o);
	cut.segment = o->segment ? o->segment : SEGMENT_AUTO;
	cut.dump_after = NULL;
	for (int64_t k = more_loss_parts(rows, o->loss_parts);
	     k <= rows && plan->arena_bytes > arena;
	     k = more_loss_parts(rows, k)) {
		cut.loss_parts = k;
		Plan *less = plan_other(make, forward, &cut);
		if (less->arena_bytes >= plan->arena_bytes)
			break;
		plan = less;
	}
	return plan;
}

/* With the batch in the fewest parts with which the arena fits; or in those with
 * which it is smallest. Segments of time, too, cost nothing where nothing is
 * computed again. */
static Plan *divide(Plan *plan, MakeGraph *make, const Graph *forward,
                    const Options *o, int64_t arena)
{
	int64_t batch = o->parts > 1 ? 1 : graph_batch(forward);
	Options parts = *o;
	Plan *best = tile_other(plan, make, forward, o, arena);
	best = divide_other(best, make, forward, &parts, arena);
	best = cut_other(best, make, forward, &parts, arena);
	best = divide_further(best, make, forward, &parts, arena);
	best = cut_other(best, make, forward, o, arena);
	parts = *o;
	parts.dump_after = NULL;
	for (int64_t d = 2; d <= batch && best->arena_bytes > arena; d++) {
		if (batch % d)
			continue;
		parts.parts = d;
		parts.in_order = o->micro_batch != 0;
		best = smaller(best, plan_other(make, forward, &parts));
		best = cut_other(best, make, forward, &parts, arena);
	}
	return best;
}

/* Without workspaces for its kernels, which are then slower, if only that fits or
 * is smaller. */
static Plan *without_workspace(Plan *best, MakeGraph *make,
                               const Graph *forward, const Options *o,
                               int64_t arena)
{
	Options without = *o;
	const Core *core = target_or_host(o->target)->core;
	if (best->arena_bytes <= arena || !core->workspace ||
	    pass_is_disabled(&pass_workspace, o))
		return best;
	options_disable(forward->unit->arena, &without, "workspace");
	without.dump_after = NULL;
	Plan *plan = plan_other(make, forward, &without);
	return smaller(best, divide(plan, make, forward, &without, arena));
}

static Plan *fit_to(Plan *plan, MakeGraph *make, const Graph *forward,
                    const Options *o, int64_t arena)
{
	Plan *best = divide(plan, make, forward, o, arena);
	return without_workspace(best, make, forward, o, arena);
}

/* Outputs stay in the arena, where they may be read, unless that is too large. */
Plan *fit_other(Plan *plan, MakeGraph *make, const Graph *forward,
                const Options *o, int64_t arena)
{
	Plan *best = fit_to(plan, make, forward, o, arena);
	Options given = *o;
	given.given_outputs = true;
	given.dump_after = NULL;
	if (make != infer_graph || best->arena_bytes <= arena)
		return best;
	plan = plan_other(make, forward, &given);
	return smaller(best, fit_to(plan, make, forward, &given, arena));
}

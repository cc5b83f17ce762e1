/*
 * The training step, planned. A gradient that is applied at once, a tile at a
 * time, is never whole in memory; but what it is computed from must stay until
 * then, though without it a gradient further down might lie over that (see
 * fuse_update.c). What is better depends on the batch and on the layer at the
 * peak: both are planned, and compared. So are, with the batch in parts, updates
 * behind one loop and between several (scan_update.h).
 */
#include "passes/pass.h"

static Plan *smaller(Plan *a, Plan *b)
{
	return b->arena_bytes < a->arena_bytes ? b : a;
}

/* By tiles of gradients, or with whole ones. */
static Plan *plan_updates(Graph *g, const Options *o)
{
	Options whole = *o;
	Graph *probe = graph_clone(g, g->name, NULL);
	Graph *other = graph_clone(g, g->name, NULL);
	whole.whole_gradients = true;
	whole.dump_after = NULL;
	Plan *plan = plan_graph(g, STAGE_FUNCTION, o);
	run_pipeline(probe, STAGE_FUNCTION, &whole);
	if (graph_count(g, NULL) == graph_count(probe, NULL))
		return plan;
	return smaller(plan, plan_graph(other, STAGE_FUNCTION, &whole));
}

Plan *plan_step(Graph *g, const Options *o)
{
	if (o->parts < 2 || o->sums)
		return plan_updates(g, o);
	Options early = *o;
	early.sums = INT64_MAX;
	early.dump_after = NULL;
	Graph *other = graph_clone(g, g->name, NULL);
	Plan *plan = plan_updates(g, o);
	return smaller(plan, plan_updates(other, &early));
}

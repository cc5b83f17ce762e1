/*
 * The training step, planned. A gradient that is applied at once, a tile at a
 * time, is never whole in memory; but what it is computed from must stay until
 * then, though without it a gradient further down might lie over that (see
 * fuse_update.c). What is better depends on the batch and on the layer at the
 * peak: both are planned, and compared.
 */
#include "passes/pass.h"

Plan *plan_step(Graph *g, const Options *o)
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
	Plan *second = plan_graph(other, STAGE_FUNCTION, &whole);
	return second->arena_bytes < plan->arena_bytes ? second : plan;
}

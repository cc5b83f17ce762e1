/* A graph through the pipeline and planned, the graphs in its Scans first. */
#include "ir/op.h"
#include "ir/scan.h"
#include "passes/pass.h"
#include "passes/planner.h"

/* By value id, of what is no view: the last node that reads it or its views;
 * NULL: none, or the caller does. */
static const Node **last_readers(Arena *a, const Graph *g)
{
	const Node **last = arena_array(a, const Node *, g->nvalues);
	for (const Node *n = g->first; n; n = n->next)
		for (int i = 0; i < n->nin; i++)
			if (n->in[i])
				last[value_viewed(n->in[i])->id] = n;
	for (int i = 0; i < g->noutputs; i++)
		last[value_viewed(g->output[i].value)->id] = NULL;
	return last;
}

/* Plans a Scan's graph; that needs an arena of its own. */
static void plan_scan(Graph *g, Node *n, const Options *o)
{
	Scan *s = n->scan;
	s->plan = plan_graph(s->graph, STAGE_PART, o);
	if (!s->plan->arena_bytes)
		return;
	Value *w = node_add_output(g, n, DT_U8,
	                           (Shape){1, {s->plan->arena_bytes}});
	w->memory = MEM_WORKSPACE;
}

Plan *plan_graph(Graph *g, Stage stage, const Options *o)
{
	Arena *scratch = arena_create();
	run_pipeline(g, stage, o);
	const Node **last = last_readers(scratch, g);
	for (Node *n = g->first; n; n = n->next) {
		if (!n->scan || n->scan->plan)
			continue;
		for (int i = 0; i < n->nin; i++) {
			Value *in = n->scan->graph->input[i];
			in->dies = in->role == IN_PART && !n->in[i]->fed &&
			           last[value_viewed(n->in[i])->id] == n;
		}
		plan_scan(g, n, o);
	}
	arena_destroy(scratch);
	return plan_memory(g, o);
}

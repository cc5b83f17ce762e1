/* Removes nodes whose results nobody reads, and the run-time scalars that only
 * such nodes read. Replacing a variable counts as being read. */
#include "passes/pass.h"

/* The model's own inputs stay: they are the function's arguments. What only a
 * training step is given is none of the others'. */
static bool drop_inputs(Graph *g)
{
	int kept = 0;
	for (int i = 0; i < g->ninputs; i++) {
		Value *v = g->input[i];
		if (v->nuses || v->role == IN_DATA)
			g->input[kept++] = v;
	}
	bool changed = kept != g->ninputs;
	/* Arrays grow by doubling at powers of two: move to a fresh one. */
	if (changed) {
		Value **fresh = arena_array(g->unit->arena, Value *, 2 * kept + 2);
		for (int i = 0; i < kept; i++)
			fresh[i] = g->input[i];
		g->input = fresh;
		g->ninputs = kept;
	}
	return changed;
}

static bool run(Graph *g, const Options *o)
{
	bool changed = graph_drop_unread(g);
	return drop_inputs(g) || changed;
}

const Pass pass_dce = {
	"dce", "remove nodes whose results are unused",
	.needs = FACT_USES, .keeps = FACT_USES, .run = run,
};

/* Removes nodes whose results nobody reads, and the run-time scalars that only
 * such nodes read. Replacing a variable counts as being read. */
#include "passes/pass.h"

static bool alive(const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->nuses || n->out[o]->var)
			return true;
	return false;
}

/* The model's own inputs stay: they are the function's arguments. */
static bool drop_inputs(Graph *g)
{
	int kept = 0;
	for (int i = 0; i < g->ninputs; i++) {
		Value *v = g->input[i];
		if (v->nuses || v->role == IN_DATA || v->role == IN_TARGET)
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
	bool changed = false;
	for (Node *n = g->last, *prev; n; n = prev) {
		prev = n->prev;
		if (!alive(n)) {
			graph_remove(g, n);
			changed = true;
		}
	}
	return drop_inputs(g) || changed;
}

const Pass pass_dce = {
	"dce", "remove nodes whose results are unused",
	.needs = FACT_USES, .keeps = FACT_USES, .run = run,
};

/*
 * What each technique saves: the function is planned again without it. What two
 * of them save together is not the sum: one may do what the other would have.
 */
#include "passes/explain.h"

#include "passes/pass.h"

static const Pass *const techniques[] = {
	&pass_order, &pass_in_place, &pass_views, &pass_recompute,
	&pass_fuse_update, &pass_mask, &pass_fuse, &pass_split_norm,
	&pass_scan, &pass_workspace,
};

enum { NTECHNIQUES = (int)(sizeof techniques / sizeof techniques[0]) };

static int64_t arena_without(Arena *a, const Graph *g, const char *pass,
                             const Options *o)
{
	Options without = *o;
	without.dump_after = NULL;
	options_disable(a, &without, pass);
	Graph *copy = graph_clone(g, g->name, NULL);
	const Plan *plan = plan_step(copy, &without);
	return plan->arena_bytes;
}

void explain(Program *p, const Graph *g, int64_t arena_bytes, const Options *o)
{
	Arena *a = g->unit->arena;
	p->saving = arena_array(a, Saving, NTECHNIQUES);
	for (int i = 0; i < NTECHNIQUES; i++) {
		const Pass *t = techniques[i];
		if (pass_is_disabled(t, o) ||
		    (t == &pass_scan && o->parts <= 1))
			continue;
		int64_t without = arena_without(a, g, t->name, o);
		p->saving[p->nsavings++] = (Saving){
			t->name, t->help, without, without - arena_bytes};
	}
}

/*
 * What --low-rank and --sketch come to, once each parameter has what it asks for
 * (Variable.thin): nothing, or so many bytes less of gradients and of the
 * optimizer's state, for so many operations more.
 */
#include "passes/thin.h"

#include <fnmatch.h>

/* ---- nothing ---- */

typedef struct Asked {
	const char *option, *pattern;
	bool sketch;
} Asked;

static bool has_it(const Thin *t, const Asked *a)
{
	return t && (a->sketch ? t->width : t->rank) > 0;
}

/* Why no parameter has what is asked for it; NULL: one has. */
static const char *why_none(const Graph *g, const Asked *a, const char **name)
{
	const char *why = NULL;
	for (int i = 0; i < g->model->nvars; i++) {
		const Variable *v = g->model->var[i];
		if (!v->thin || (a->pattern && fnmatch(a->pattern, v->name, 0)))
			continue;
		if (has_it(v->thin, a))
			return NULL;
		if (why)
			continue;
		why = v->thin->why ? v->thin->why
		                   : "another option has it smaller";
		*name = v->name;
	}
	return why ? why : "it names no matrix that trains";
}

static void warn_of(const Graph *g, const Asked *a)
{
	const char *name = NULL, *why = why_none(g, a, &name);
	const char *pattern = a->pattern ? a->pattern : "*";
	if (why && name)
		warn_at(g->unit, (Loc){0}, "%s '%s' changes nothing: '%s' "
		        "stays whole, as %s", a->option, pattern, name, why);
	else if (why)
		warn_at(g->unit, (Loc){0}, "%s '%s' changes nothing: %s",
		        a->option, pattern, why);
}

void warn_of_thin(const Graph *g, const Options *o)
{
	for (int i = 0; i < o->nlow_ranks; i++)
		warn_of(g, &(Asked){"--low-rank", o->low_rank[i].pattern, false});
	for (int i = 0; i < o->nsketches; i++)
		warn_of(g, &(Asked){"--sketch", o->sketch[i].pattern, true});
}

/* ---- so many bytes ---- */

/* The most bytes of gradients that live at one step. */
static int64_t most_gradients(const Plan *p)
{
	int64_t most = 0;
	for (int s = 0; s < p->nsteps; s++) {
		int64_t sum = 0;
		for (int i = 0; i < p->nbuffers; i++) {
			const Buffer *b = &p->buffer[i];
			if (b->memory == MEM_GRADIENT && b->first <= s &&
			    s <= b->last)
				sum += b->bytes;
		}
		most = sum > most ? sum : most;
	}
	return most;
}

/* Before any budget. */
static Program *plain(const Graph *forward, const Options *options, bool thin,
                      ProgramBuilder *build)
{
	Options o = *options;
	o.dump_after = NULL;
	o.ram = 0;
	o.limited = o.sweep = o.explain = false;
	if (!thin) {
		o.nlow_ranks = o.nsketches = 0;
		o.sketch_first_moment = false;
	}
	return build(graph_detach(forward), &o);
}

void total_thin(Program *p, const Graph *forward, const Options *o,
                ProgramBuilder *build)
{
	const Program *thin = plain(forward, o, true, build);
	const Program *whole = plain(forward, o, false, build);
	if (!thin || !whole)
		BUG("a program that could be built cannot be changed");
	ThinTotal *t = arena_new(forward->unit->arena, ThinTotal);
	t->gradients = most_gradients(whole->train) -
	               most_gradients(thin->train);
	t->optimizer = whole->state_bytes - thin->state_bytes;
	t->ram = whole->arena_bytes - thin->arena_bytes + t->optimizer;
	t->flops = thin->train->cost.flops - whole->train->cost.flops;
	p->thin = t;
}

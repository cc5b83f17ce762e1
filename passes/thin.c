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

/* Before any budget, without what is not in the set. */
static Program *plain(const Graph *forward, const Options *options, unsigned set,
                      ProgramBuilder *build)
{
	Options o = *options;
	o.dump_after = NULL;
	o.ram = 0;
	o.limited = o.sweep = o.explain = false;
	if (!(set & ALLOW_LOW_RANK))
		o.nlow_ranks = 0;
	if (!(set & ALLOW_SKETCH)) {
		o.nsketches = 0;
		o.sketch_first_moment = false;
	}
	Program *p = build(graph_detach(forward), &o);
	if (!p)
		BUG("a program that could be built cannot be changed");
	return p;
}

static ThinSaving saving_of(const char *name, const Program *thin,
                            const Program *whole)
{
	ThinSaving t = {
		.name = name,
		.gradients = most_gradients(whole->train) -
		             most_gradients(thin->train),
		.optimizer = whole->state_bytes - thin->state_bytes,
		.flops = thin->train->cost.flops - whole->train->cost.flops,
	};
	t.ram = whole->arena_bytes - thin->arena_bytes + t.optimizer;
	return t;
}

static void warn_of_loss(const Graph *g, const ThinSaving *t,
                         const Program *whole)
{
	int64_t without = whole->arena_bytes + whole->state_bytes;
	const char *name = t->name ? arena_printf(g->unit->arena, "--%s", t->name)
	                           : "--low-rank with --sketch";
	if (t->ram < 0)
		warn_at(g->unit, (Loc){0}, "%s does not pay: arena and state "
		        "take %lld bytes, and %lld without", name,
		        (long long)(without - t->ram), (long long)without);
}

ThinTotal *total_thin(const Program *thin, const Graph *forward,
                      const Options *o, ProgramBuilder *build)
{
	static const struct {
		unsigned set;
		const char *name;
	} each[] = {{ALLOW_LOW_RANK, "low-rank"}, {ALLOW_SKETCH, "sketch"}};
	unsigned all = (o->nlow_ranks ? ALLOW_LOW_RANK : 0u) |
	               (o->nsketches ? ALLOW_SKETCH : 0u);
	ThinTotal *t = arena_new(forward->unit->arena, ThinTotal);
	const Program *whole = plain(forward, o, 0, build);
	if (o->ram || o->limited || o->sweep)
		thin = plain(forward, o, all, build);
	for (int i = 0; i < 2; i++) {
		if (!(all & each[i].set))
			continue;
		const Program *p = all == each[i].set
			? thin : plain(forward, o, each[i].set, build);
		t->of[t->n++] = saving_of(each[i].name, p, whole);
	}
	if (t->n > 1)
		t->of[t->n++] = saving_of(NULL, thin, whole);
	warn_of_loss(forward, &t->of[t->n - 1], whole);
	return t;
}

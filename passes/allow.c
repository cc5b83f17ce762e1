/*
 * Three ladders, each from the least change to the most: state of tables in
 * sketches, gradients of the other parameters at a low rank, and both. The first
 * that reaches the budget with its last rung is searched for the first rung that
 * does, by bisection: what fits fits at a lower rung, too. Sketches come first, as
 * tables lose least by them.
 *
 * A table is what Gathers alone read. Parameters that the user has said something
 * of are left as that says.
 */
#include "passes/allow.h"

#include "ir/gather.h"
#include "passes/pass.h"
#include "passes/thin.h"
#include "passes/train.h"

#include <fnmatch.h>
#include <string.h>

typedef struct Change {
	int64_t rank;      /* of gradients; 0: whole */
	double ratio;      /* of sketches; 0: none */
} Change;

enum { RUNGS = 6 };

static const int64_t ranks[RUNGS] = {32, 16, 8, 4, 2, 1};
static const double ratios[RUNGS] = {0.5, 0.2, 0.1, 0.05, 0.02, 0.01};

typedef struct Search {
	Arena *arena;
	const Graph *forward;
	const Options *options;
	ProgramBuilder *build;
	NameList tables, others;   /* patterns of parameters */
	Program *program;          /* the best until now, */
	Change change;             /*   and what it owes that to */
} Search;

bool check_allowed(const Graph *g, const Options *o)
{
	bool could = !o->optimizer.blockwise || o->allow & ALLOW_LOW_RANK;
	if (!o->allow || (o->optimizer.kind != OPT_NONE && could))
		return true;
	error_at(g->unit, (Loc){0}, "--allow: there is no optimizer whose "
	         "gradients or state could be smaller; give --optimizer adam, "
	         "say");
	return false;
}

/* ---- which parameters ---- */

static bool is_named(const Options *o, const char *name)
{
	bool any = false;
	for (int i = 0; i < o->nlow_ranks; i++)
		any |= !o->low_rank[i].pattern ||
		       !fnmatch(o->low_rank[i].pattern, name, 0);
	for (int i = 0; i < o->nsketches; i++)
		any |= !o->sketch[i].pattern ||
		       !fnmatch(o->sketch[i].pattern, name, 0);
	return any;
}

static bool is_table(const Graph *g, const Value *v)
{
	int readers = 0;
	for (const Node *n = g->first; n; n = n->next)
		for (int i = 0; i < n->nin; i++) {
			if (n->in[i] != v)
				continue;
			if (n->op != &op_Gather || i ||
			    gather_axis(n, v->shape) != 0)
				return false;
			readers++;
		}
	return readers && v->shape.rank == 2;
}

/* A pattern that only this name matches. */
static const char *pattern_of(Arena *a, const char *name)
{
	char *pattern = arena_alloc(a, 2 * strlen(name) + 1), *to = pattern;
	for (; *name; name++) {
		if (strchr("*?[\\", *name))
			*to++ = '\\';
		*to++ = *name;
	}
	return pattern;
}

static void add(Arena *a, NameList *list, const char *pattern, int most)
{
	if (!list->name)
		list->name = arena_array(a, const char *, most);
	list->name[list->n++] = pattern;
}

static void find_parameters(Search *s)
{
	const Graph *g = s->forward;
	bool sketches = s->options->allow & ALLOW_SKETCH &&
	                can_sketch(&s->options->optimizer);
	for (int i = 0; i < g->nvarvalues; i++) {
		const Value *v = g->varvalue[i];
		if (v->var->role != VAR_PARAMETER || v->shape.rank < 2 ||
		    is_named(s->options, v->var->name))
			continue;
		add(s->arena, sketches && is_table(g, v) ? &s->tables
		                                         : &s->others,
		    pattern_of(s->arena, v->var->name), g->nvarvalues);
	}
}

/* ---- programs ---- */

static void add_ranks(const Search *s, int64_t rank, Options *o)
{
	int n = s->others.n + o->nlow_ranks;
	LowRank *list = arena_array(s->arena, LowRank, n);
	for (int i = 0; i < s->others.n; i++)
		list[i] = low_rank_default(s->others.name[i], rank);
	for (int i = 0; i < o->nlow_ranks; i++)
		list[s->others.n + i] = o->low_rank[i];
	o->low_rank = list;
	o->nlow_ranks = n;
}

static void add_sketches(const Search *s, double ratio, Options *o)
{
	int n = s->tables.n + o->nsketches;
	SketchSpec *list = arena_array(s->arena, SketchSpec, n);
	for (int i = 0; i < s->tables.n; i++)
		list[i] = sketch_default(s->tables.name[i], ratio);
	for (int i = 0; i < o->nsketches; i++)
		list[s->tables.n + i] = o->sketch[i];
	o->sketch = list;
	o->nsketches = n;
}

static Options with_change(const Search *s, Change c, const Options *options)
{
	Options o = *options;
	o.dump_after = NULL;
	o.explain = false;
	if (c.rank)
		add_ranks(s, c.rank, &o);
	if (c.ratio > 0)
		add_sketches(s, c.ratio, &o);
	return o;
}

static Program *program_of(const Search *s, Change c, const Options *options)
{
	Options o = with_change(s, c, options);
	return s->build(graph_detach(s->forward), &o);
}

/* Does the program fit? It is kept if it is better than what there is. */
static bool try(Search *s, Change c)
{
	Program *p = program_of(s, c, s->options);
	if (!p)
		BUG("a program that could be built cannot be changed");
	if (p->fits || p->smallest_ram < s->program->smallest_ram) {
		s->program = p;
		s->change = c;
	}
	return p->fits;
}

static Change rung(bool ranked, bool sketched, int i)
{
	return (Change){ranked ? ranks[i] : 0, sketched ? ratios[i] : 0};
}

static bool climb(Search *s, bool ranked, bool sketched)
{
	int fits = RUNGS - 1, fails = -1;
	if (!try(s, rung(ranked, sketched, fits)))
		return false;
	while (fits - fails > 1) {
		int middle = fails + (fits - fails) / 2;
		if (try(s, rung(ranked, sketched, middle)))
			fits = middle;
		else
			fails = middle;
	}
	return true;
}

/* ---- what it saved ---- */

/* Without a budget, and with nothing computed twice. */
static Program *plain(const Search *s, Change c)
{
	Options o = *s->options;
	o.ram = 0;
	o.sweep = false;
	options_disable(s->arena, &o, "recompute");
	return program_of(s, c, &o);
}

static int64_t ram_of(const Program *p)
{
	return p->train->arena_bytes + p->state_bytes;
}

/* What the change alone saves; returns how many techniques that are. */
static int list_changes(const Search *s, Change c, Technique list[2])
{
	Change none = {0}, some = {0, c.ratio};
	const Program *from = plain(s, none), *to;
	int n = 0;
	if (c.ratio > 0) {
		to = plain(s, some);
		list[n++] = (Technique){
			arena_printf(s->arena, "sketch %g", c.ratio),
			ram_of(from) - ram_of(to),
			to->train->cost.flops - from->train->cost.flops,
		};
		from = to;
	}
	if (c.rank) {
		to = plain(s, c);
		list[n++] = (Technique){
			arena_printf(s->arena, "low rank %lld",
			             (long long)c.rank),
			ram_of(from) - ram_of(to),
			to->train->cost.flops - from->train->cost.flops,
		};
	}
	return n;
}

/* Before what else is owed; returns the operations that they cost. */
static int64_t put_first(Arena *a, const Technique first[2], int nfirst, int *n,
                         Technique **list)
{
	int64_t flops = 0;
	Technique *all = arena_array(a, Technique, *n + nfirst);
	for (int i = 0; i < nfirst; i++) {
		all[i] = first[i];
		flops += first[i].flops;
	}
	for (int i = 0; i < *n; i++)
		all[nfirst + i] = (*list)[i];
	*list = all;
	*n += nfirst;
	return flops;
}

static void note_changes(Search *s)
{
	Program *p = s->program;
	Technique first[2];
	int n = list_changes(s, s->change, first);
	p->extra_flops += put_first(s->arena, first, n, &p->ntechniques,
	                            &p->technique);
	Options o = with_change(s, s->change, s->options);
	if (o.weigh)
		p->thin = total_thin(p, s->forward, &o, s->build);
}

static Search open_search(Program *exact, const Graph *forward, const Options *o,
                          ProgramBuilder *build)
{
	Search s = {.arena = forward->unit->arena, .forward = forward,
	            .options = o, .build = build, .program = exact};
	find_parameters(&s);
	return s;
}

static bool may_rank(const Search *s)
{
	return s->options->allow & ALLOW_LOW_RANK && s->others.n > 0;
}

Program *allow_changes(Program *exact, const Graph *forward,
                       const Options *options, ProgramBuilder *build)
{
	Options o = *options;
	o.sweep = false;
	Search s = open_search(exact, forward, &o, build);
	bool ranks_too = may_rank(&s);
	bool fits = s.tables.n && climb(&s, false, true);
	if (!fits && ranks_too)
		fits = climb(&s, true, false);
	if (!fits && ranks_too && s.tables.n)
		climb(&s, true, true);
	if (s.program != exact)
		note_changes(&s);
	return s.program;
}

/* ---- the curve ---- */

/* By so little that it is worth a point. */
static int64_t less_than(int64_t ram)
{
	return ram - ram / 128;
}

static SweepPoint *new_point(const Search *s)
{
	Program *p = s->program;
	SweepPoint *all = arena_array(s->arena, SweepPoint, p->npoints + 1);
	memcpy(all, p->point, sizeof *all * (size_t)p->npoints);
	p->point = all;
	return &all[p->npoints++];
}

static void add_point(const Search *s, const Program *q, Change c)
{
	Technique first[2];
	int n = list_changes(s, c, first);
	SweepPoint *to = new_point(s);
	*to = (SweepPoint){
		.ram = q->arena_bytes + q->state_bytes,
		.arena_bytes = q->arena_bytes, .flops = q->train->cost.flops,
		.extra_flops = q->extra_flops,
		.recomputed_flops = q->train->recomputed_flops,
		.changes = true, .plan = q->train,
		.ntechniques = q->ntechniques, .technique = q->technique,
	};
	to->extra_flops += put_first(s->arena, first, n, &to->ntechniques,
	                             &to->technique);
}

/* The cheapest that fits, or the smallest; if it takes less than all before. */
static bool add_within(Search *s, Change c, int64_t ram)
{
	Options o = *s->options;
	o.ram = ram;
	const Program *p = s->program, *q = program_of(s, c, &o);
	int64_t least = p->point[p->npoints - 1].ram;
	if (q->arena_bytes + q->state_bytes > less_than(least))
		return false;
	add_point(s, q, c);
	return true;
}

/* Two points: a curve of its own takes as long as the exact one. */
static void add_rung(Search *s, Change c)
{
	const Program *p = s->program;
	if (add_within(s, c, less_than(p->point[p->npoints - 1].ram)))
		add_within(s, c, 1);
}

void allow_points(Program *p, const Graph *forward, const Options *options,
                  ProgramBuilder *build)
{
	Options o = *options;
	o.limited = o.sweep = false;
	Search s = open_search(p, forward, &o, build);
	bool ranks_too = may_rank(&s), sketches = s.tables.n > 0;
	for (int i = 0; sketches && i < RUNGS; i++)
		add_rung(&s, rung(false, true, i));
	for (int i = 0; ranks_too && i < RUNGS; i++)
		add_rung(&s, rung(true, false, i));
	for (int i = 0; ranks_too && sketches && i < RUNGS; i++)
		add_rung(&s, rung(true, true, i));
}

/*
 * Which values are computed in bands, and in how many, so that an arena fits. Bands
 * cost next to no operations, only nodes; so the search is for the least memory
 * first, one value after the other: of all that have something to win, the one with
 * which the peak of the graph, in the order it has, is lowest, in as many bands as
 * there are rows. Then for fewer bands, which are as good.
 */
#include "passes/tile.h"

#include "ir/op.h"
#include "passes/pass.h"
#include "passes/planner.h"

typedef struct Search {
	const Graph *g;       /* the function, before the passes */
	Options o;            /* with the tiles that there are, */
	int64_t peak;         /*   and what they make of it */
	TileSpec *tile;
} Search;

/* Nodes that a tiling may make: what comes behind it takes its time. */
enum { MOST_TILES = 4, MOST_BANDS = 64, MOST_NODES = 2000 };

static Graph *passed(const Search *s)
{
	Graph *g = graph_clone(s->g, s->g->name, NULL);
	run_pipeline(g, STAGE_FUNCTION, &s->o);
	graph_have(g, FACT_USES);
	return g;
}

/* The largest sum of what lives at one node, in the order they have. */
static int64_t peak_of(const Search *s, Graph *g)
{
	Arena *scratch = arena_create();
	Problem *p = problem_create(scratch, g);
	int *order = arena_array(scratch, int, p->ntasks + 1);
	all_schedulers[0](p, order);
	int align = (int)target_or_host(s->o.target)->core->align;
	int64_t peak = layout_create(p, order, align)->peak;
	arena_destroy(scratch);
	return peak;
}

/* With one tile more, or with the last in another number of bands. */
static int64_t peak_with(Search *s, int which, TileSpec t)
{
	TileSpec before = s->tile[which];
	int ntiles = s->o.ntiles;
	s->tile[which] = t;
	s->o.ntiles = which < ntiles ? ntiles : which + 1;
	int64_t peak = peak_of(s, passed(s));
	s->tile[which] = before;
	s->o.ntiles = ntiles;
	return peak;
}

/* ---- what there is to choose from ---- */

/* Is v only on its way to what takes its place? */
static bool passes_on(const Graph *g, const Value *v)
{
	const Node *reader = NULL;
	if (v->nuses != 1)
		return false;
	for (const Node *n = v->def->next; n && !reader; n = n->next)
		for (int i = 0; i < n->nin; i++)
			if (n->in[i] == v)
				reader = n;
	return reader && reader->op->bands != &bands_window &&
	       tile_takes(reader) &&
	       numel(reader->out[0]->shape) == numel(v->shape);
}

static int64_t most_bands(const Value *v, int nodes)
{
	int64_t most = v->shape.dim[BAND_AXIS];
	most = most < MOST_BANDS ? most : MOST_BANDS;
	return most < MOST_NODES / nodes ? most : MOST_NODES / nodes;
}

/* The tile with the least peak; false if none has less than there is. */
static bool find_best(Search *s, TileSpec *best)
{
	enum { FEWEST_WINDOWS = 2 };
	Graph *g = passed(s);
	int64_t least = s->peak;
	for (const Node *n = g->first; n; n = n->next) {
		Value *v = n->nout ? n->out[0] : NULL;
		int windows, nodes = v ? tile_reach(g, v, &windows) : 0;
		if (!nodes || windows < FEWEST_WINDOWS || passes_on(g, v) ||
		    most_bands(v, nodes) < 2)
			continue;
		TileSpec t = {v->name, NULL, most_bands(v, nodes)};
		int64_t peak = peak_with(s, s->o.ntiles, t);
		if (peak >= least)
			continue;
		least = peak;
		*best = t;
	}
	bool found = least < s->peak;
	s->peak = least;
	return found;
}

/* ---- fewer bands ---- */

static void coarsen(Search *s, int which, int64_t arena_bytes)
{
	int64_t enough = arena_bytes > s->peak ? arena_bytes : s->peak;
	TileSpec t = s->tile[which];
	for (t.bands = (t.bands + 1) / 2; t.bands > 1;
	     t.bands = (t.bands + 1) / 2) {
		int64_t peak = peak_with(s, which, t);
		if (peak > enough)
			return;
		s->tile[which] = t;
		s->peak = peak;
	}
}

bool tile_search(const Graph *g, int64_t arena_bytes, Options *o)
{
	Arena *a = g->unit->arena;
	int given = o->ntiles;
	if (pass_is_disabled(&pass_tile, o) || o->parts > 1)
		return false;
	Search s = {g, *o, 0, arena_array(a, TileSpec, given + MOST_TILES)};
	for (int i = 0; i < given; i++)
		s.tile[i] = o->tile[i];
	s.o.tile = s.tile;
	s.o.dump_after = NULL;
	options_disable(a, &s.o, "workspace");   /* an output that has no rows */
	s.peak = peak_of(&s, passed(&s));
	TileSpec best;
	while (s.o.ntiles < given + MOST_TILES && s.peak > arena_bytes &&
	       find_best(&s, &best))
		s.tile[s.o.ntiles++] = best;
	for (int i = given; i < s.o.ntiles; i++)
		coarsen(&s, i, arena_bytes);
	o->ntiles = s.o.ntiles;
	o->tile = s.tile;
	return o->ntiles > given;
}

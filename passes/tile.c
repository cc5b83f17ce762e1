/*
 * Spatial tiling. Where a convolutional network begins, its feature maps are
 * large, and most are read by the next layer only. There a value deeper in the
 * network is computed in horizontal bands, and with it all that leads to it: of
 * what lies between there are never more than some rows in memory (Alwani et al.,
 * "Fused-Layer CNN Accelerators", 2016; Lin et al., "MCUNetV2: Memory-Efficient
 * Patch-based Inference for Tiny Deep Learning", 2021).
 *
 * Bands of neighbours have rows in common that windows of both reach. These are
 * not computed again but kept: each step computes the next band of the result,
 * and of everything else the rows that this asks for and that are new,
 *
 *   fresh(v) = [rows of v until now, last row that is read)
 *
 * and puts them behind the rows that have been kept. So each row is computed
 * once, of the same elements in the same order as without: no operation is added,
 * and no bit changes (but where a kernel's own order of sums depends on shapes, as
 * on machines with wide vectors).
 */
#include "passes/tile.h"

#include "ir/op.h"
#include "ir/window.h"
#include "passes/pass.h"
#include "passes/train.h"

#include <string.h>

/* ---- which nodes ---- */

static Value *find_value(const Graph *g, const char *name)
{
	for (Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (!strcmp(n->out[o]->name, name))
				return n->out[o];
	for (int i = 0; i < g->ninputs; i++)
		if (!strcmp(g->input[i]->name, name))
			return g->input[i];
	return NULL;
}

static bool is_replaced(const Node *from, const Node *to, const Variable *var)
{
	for (; from != to; from = from->next)
		for (int o = 0; o < from->nout; o++)
			if (from->out[o]->var == var)
				return true;
	return false;
}

/* It moves to where the result is computed. */
static bool may_move(const Tiling *t, const Node *n)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && n->in[i]->kind == V_VARIABLE &&
		    is_replaced(n, t->to->def, n->in[i]->var))
			return false;
	return true;
}

bool tile_takes(const Node *n)
{
	bool takes = n->nout == 1 && (n->op == &op_Fused || node_has_bands(n));
	for (int i = 0; i < n->nbody; i++)
		takes &= node_has_bands(n->body[i]);
	return takes;
}

/* From the result back, as long as nobody else reads what a node computes. */
static void find_nodes(Tiling *t, const Value *from)
{
	int *reads = arena_array(t->scratch, int, t->g->nvalues);
	reads[t->to->id] = t->to->nuses;
	for (Node *n = t->to->def; n; n = n->prev) {
		const Value *y = n->out[0];
		if (n->nout != 1 || !reads[y->id] ||
		    reads[y->id] != y->nuses || y == from ||
		    !tile_takes(n) || !may_move(t, n))
			continue;
		t->inside[n->id] = true;
		t->n++;
		for (int i = 0; i < n->nin; i++)
			if (n->in[i])
				reads[n->in[i]->id]++;
	}
}

static void list_nodes(Tiling *t)
{
	int n = 0;
	t->node = arena_array(t->scratch, Node *, t->n);
	for (Node *at = t->g->first; at; at = at->next) {
		if (!t->inside[at->id])
			continue;
		t->node[n++] = at;
		for (int i = 0; i < at->nin; i++)
			if (at->in[i])
				t->last[at->in[i]->id] = at;
	}
}

static void begin(Tiling *t, const Value *from)
{
	t->inside = arena_array(t->scratch, bool, t->g->nnodes);
	find_nodes(t, from);
}

int tile_reach(Graph *g, Value *to, int *windows)
{
	Tiling t = {.g = g, .scratch = arena_create(), .to = to};
	begin(&t, NULL);
	*windows = 0;
	for (const Node *n = g->first; n; n = n->next)
		*windows += t.inside[n->id] && n->op->bands == &bands_window;
	arena_destroy(t.scratch);
	return t.n;
}

/* ---- which rows ---- */

/* Before all rows: nobody asks for any. */
#define NO_END (INT64_MIN / 2)

static TileStep *create_steps(const Tiling *t)
{
	TileStep *step = arena_array(t->scratch, TileStep, t->nsteps + 1);
	for (int k = 0; k <= t->nsteps; k++)
		step[k].ahead = NO_END;
	return step;
}

static TileStep *steps_of(Tiling *t, const Value *v)
{
	if (!t->step[v->id])
		t->step[v->id] = create_steps(t);
	return t->step[v->id];
}

/* Where the rows end that the node reads for those of its result that end there:
 * both may lie outside. */
static int64_t end_before(const Node *n, int64_t end)
{
	if (n->op->bands != &bands_window)
		return end;
	Window w = window_of(n, n->in[0]->shape,
	                     n->nin > 1 ? n->in[1]->shape.dim + 2 : NULL);
	return (end - 1) * w.stride[0] - w.begin[0] +
	       (w.cells[0] - 1) * w.dilation[0] + 1;
}

static void look_ahead(Tiling *t, const Node *n, int k)
{
	Band *in = arena_array(t->scratch, Band, n->nin);
	int64_t ahead = steps_of(t, n->out[0])[k].ahead;
	if (ahead == NO_END)
		return;
	int64_t end = end_before(n, ahead);
	node_band(n, (Band){0, 1}, in);
	for (int i = 0; i < n->nin; i++) {
		if (band_is_empty(in[i]))
			continue;
		TileStep *x = steps_of(t, n->in[i]);
		if (x[k].ahead < end)
			x[k].ahead = end;
	}
}

/* Rows of y that are new in step k, and what these are computed from. */
static bool find_rows(Tiling *t, const Node *n, int k)
{
	TileStep *y = steps_of(t, n->out[0]);
	Band *in = arena_array(t->scratch, Band, n->nin);
	int64_t done = k ? y[k - 1].fresh.end : 0;
	int64_t end = n->out[0]->shape.dim[BAND_AXIS];
	end = y[k].ahead < end ? y[k].ahead : end;
	y[k].fresh = (Band){done, end > done ? end : done};
	if (band_is_empty(y[k].fresh))
		return true;
	if (!node_band(n, y[k].fresh, in))
		return false;
	for (int i = 0; i < n->nin; i++) {
		if (band_is_empty(in[i]))
			continue;
		TileStep *x = steps_of(t, n->in[i]);
		x[k].read = band_hull(x[k].read, in[i]);
	}
	return true;
}

static void find_kept(const Tiling *t, TileStep *v)
{
	v[t->nsteps].keep = INT64_MAX;
	for (int k = t->nsteps - 1; k >= 0; k--) {
		v[k].keep = v[k + 1].keep;
		if (!band_is_empty(v[k].read) && v[k].read.first < v[k].keep)
			v[k].keep = v[k].read.first;
	}
}

/* What is computed with the result's rows up to there. */
static bool find_step(Tiling *t, int k, int64_t end)
{
	steps_of(t, t->to)[k].ahead = end;
	for (int i = t->n - 1; i >= 0; i--) {
		look_ahead(t, t->node[i], k);
		if (!find_rows(t, t->node[i], k))
			return false;
	}
	return true;
}

/* So many steps pass before the first row of the result. Each band of it asks for
 * as many rows of what it is computed from; the first, for those besides that its
 * windows reach. They come in bands, too: as if there were rows of the result
 * before the first. */
static int count_lead(const Tiling *t, int64_t each)
{
	enum { MOST = 64 };
	Tiling probe = *t;
	bool some = true;
	int lead;
	for (lead = 0; some && lead < MOST; lead++) {
		probe.nsteps = 1;
		probe.step = arena_array(t->scratch, TileStep *, t->g->nvalues);
		steps_of(&probe, t->to)[0].ahead = -lead * each;
		some = false;
		for (int i = t->n - 1; i >= 0; i--) {
			const Value *y = t->node[i]->out[0];
			look_ahead(&probe, t->node[i], 0);
			some |= steps_of(&probe, y)[0].ahead > 0;
		}
	}
	return lead - 1;
}

static bool find_steps(Tiling *t, int64_t rows, int64_t each)
{
	int lead = count_lead(t, each);
	t->nsteps = lead + (int)((rows + each - 1) / each);
	for (int k = 0; k < t->nsteps; k++) {
		int64_t end = (k + 1 - lead) * each;
		if (!find_step(t, k, end < rows ? end : rows))
			return false;
	}
	for (int v = 0; v < t->g->nvalues; v++)
		if (t->step[v])
			find_kept(t, t->step[v]);
	return true;
}

/* ---- the pass ---- */

static bool tile(Tiling *t, const TileSpec *spec)
{
	enum { FEWEST = 2 };
	begin(t, spec->from ? find_value(t->g, spec->from) : NULL);
	if (t->n < FEWEST)
		return false;
	t->step = arena_array(t->scratch, TileStep *, t->g->nvalues);
	t->last = arena_array(t->scratch, Node *, t->g->nvalues);
	list_nodes(t);
	int64_t rows = t->to->shape.dim[BAND_AXIS];
	int64_t each = (rows + spec->bands - 1) / spec->bands;
	if (each >= rows || !find_steps(t, rows, each))
		return false;
	graph_replace(t->g, t->to, tile_build(t));
	for (int i = t->n - 1; i >= 0; i--)
		graph_remove(t->g, t->node[i]);
	t->g->facts = 0;
	return true;
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	for (int i = 0; i < o->ntiles; i++) {
		Tiling t = {.g = g, .to = find_value(g, o->tile[i].to)};
		if (!t.to || t.to->kind != V_RESULT)
			continue;
		t.scratch = arena_create();
		graph_have(g, FACT_USES);
		changed |= tile(&t, &o->tile[i]);
		arena_destroy(t.scratch);
	}
	return changed;
}

const Pass pass_tile = {
	"tile", "compute large feature maps in horizontal bands",
	.needs = FACT_USES, .run = run,
};

/* ---- what was asked ---- */

/* The value of that name, or what the node of that name computes. */
static const char *resolve(const Graph *g, const char *name)
{
	const Value *v = find_value(g, name);
	const Node *n = g->last;
	while (!v && n && !(n->loc.node && !strcmp(n->loc.node, name)))
		n = n->prev;
	if (v || n)
		return v ? v->name : n->out[0]->name;
	error_at(g->unit, (Loc){0}, "--tile: the model has no value and no node "
	         "'%s'", name);
	return NULL;
}

static void check_result(const Graph *g, const TileSpec *spec)
{
	const Value *v = find_value(g, spec->to);
	if (v->kind != V_RESULT || !node_has_bands(v->def))
		error_at(g->unit, (Loc){0}, "--tile: '%s' is computed by %s, "
		         "which has no bands", spec->to,
		         v->kind == V_RESULT ? v->def->op->name : "the caller");
	else if (v->shape.dim[BAND_AXIS] < spec->bands)
		error_at(g->unit, (Loc){0}, "--tile: '%s' has %lld rows, which "
		         "are no %lld bands", spec->to,
		         (long long)v->shape.dim[BAND_AXIS],
		         (long long)spec->bands);
}

bool find_tiles(const Graph *forward, Options *o)
{
	Arena *a = forward->unit->arena;
	int before = forward->unit->nerrors;
	TileSpec *tile = arena_array(a, TileSpec, o->ntiles + 1);
	for (int i = 0; i < o->ntiles; i++) {
		tile[i] = o->tile[i];
		tile[i].to = resolve(forward, tile[i].to);
		if (tile[i].from)
			tile[i].from = resolve(forward, tile[i].from);
		if (tile[i].to)
			check_result(forward, &tile[i]);
	}
	o->tile = tile;
	return forward->unit->nerrors == before;
}

/*
 * The planner: of all orders the one with the smallest arena, written down as
 * a Plan and checked.
 *
 * Values that lie inside of others need no more bytes at any step of any order,
 * but they are placed together, and one that is still wanted keeps others from
 * being written over the whole. So a graph with such values is also planned
 * without, and with some of them apart.
 */
#include "ir/piece.h"
#include "passes/order.h"
#include "passes/pass.h"

#include <string.h>

const Pass pass_order = {
	"order", "put the steps into the order with the least peak",
	.run = NULL,
};

const Pass pass_in_place = {
	"in-place", "let results overwrite inputs that die",
	.run = NULL,
};

enum {
	APART_WORK = 300,     /* tasks planned with one node's pieces apart, */
	MOST_APART = 4,       /*   and times */
};

typedef struct Best {
	const Problem *problem;
	Layout *layout;
	int64_t arena_bytes;
	int64_t bound; /* of the peak, in any order */
} Best;

typedef struct Chooser {
	Arena *arena;
	Graph *g;
	int align;
	const Options *options;
	Placed *placed;
	bool *copies; /* by node id */
	Best best;
} Chooser;

static bool better(int64_t bytes, const Layout *l, const Best *best)
{
	return !best->layout || bytes < best->arena_bytes ||
	       (bytes == best->arena_bytes && l->peak < best->layout->peak);
}

static bool same_order(const Problem *p, const int *a, const int *b)
{
	return !memcmp(a, b, sizeof *a * (size_t)p->ntasks);
}

/* ---- the order for one part ---- */

/* Bytes of what is outside of the loop and can make room for another: what it
 * reads for the last time, and what it writes in parts. */
static int64_t bytes_outside(const Problem *p, const Storage *s)
{
	const Graph *g = p->graph;
	if (s->region != REGION_OUTER)
		return 0;
	if (s->root->kind == V_INPUT)
		return s->root->dies ? value_bytes(s->root) : 0;
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == s->root)
			return g->output[i].role == OUT_ROWS
				   ? value_bytes(s->root)
				   : 0;
	return 0;
}

/* The peak if all parts of what is outside counted too. */
static int64_t peak_with_outside(Problem *p, const int order[], int64_t parts)
{
	Arena *scratch = arena_create();
	for (int s = 0; s < p->nstorages; s++)
		p->storage[s].bytes += parts * bytes_outside(p, &p->storage[s]);
	int64_t peak = order_peak(scratch, p, order, NULL);
	for (int s = 0; s < p->nstorages; s++)
		p->storage[s].bytes -= parts * bytes_outside(p, &p->storage[s]);
	arena_destroy(scratch);
	return peak;
}

/* Is there something that can give up its place to an output of the loop? */
static bool trades_outside(const Problem *p)
{
	bool dies = false, rows = false;
	for (int s = 0; s < p->nstorages; s++) {
		bool any = bytes_outside(p, &p->storage[s]) > 0;
		dies |= any && p->storage[s].root->kind == V_INPUT;
		rows |= any && p->storage[s].root->kind != V_INPUT;
	}
	return dies && rows;
}

/* The order found, or the given one, which computes late what is wanted late;
 * NULL: any will do. */
static int *order_for_part(Problem *p, int found[], int64_t parts)
{
	if (!trades_outside(p))
		return NULL;
	int *given = arena_array(p->arena, int, p->ntasks + 1);
	all_schedulers[0](p, given);
	return peak_with_outside(p, given, parts) <
		       peak_with_outside(p, found, parts)
		   ? given
		   : found;
}

/* ---- the choice ---- */

/* The layouts of all orders worth a look, the preferred first. */
static int list_layouts(Problem *p, int align, int64_t parts, int found[],
                        Layout *list[])
{
	int n = 0, *only = order_for_part(p, found, parts);
	for (int i = only ? nschedulers : 0; i <= nschedulers; i++) {
		int *order = only ? only : found;
		if (i < nschedulers) {
			order = arena_array(p->arena, int, p->ntasks + 1);
			all_schedulers[i](p, order);
		}
		bool known = false;
		for (int k = 0; k < n && !known; k++)
			known = same_order(p, order, list[k]->order);
		if (!known)
			list[n++] = layout_create(p, order, align);
	}
	return n;
}

/* Takes the first of those with the least peak out of the list. */
static Layout *take_lowest(Layout *list[], int *n)
{
	int least = 0;
	for (int i = 1; i < *n; i++)
		if (list[i]->peak < list[least]->peak)
			least = i;
	Layout *l = list[least];
	memmove(&list[least], &list[least + 1],
	        sizeof *list * (size_t)(--*n - least));
	return l;
}

/* No arena is lower than its peak, so that the lowest peak's arena mostly saves
 * placing the others. */
static Best choose_order(Chooser *c, Problem *p)
{
	int64_t parts = c->options ? c->options->parts : 1;
	Order found = order_search(p);
	Best best = {.problem = p, .bound = found.bound};
	Layout **list = arena_array(p->arena, Layout *, nschedulers + 1);
	int n = list_layouts(p, c->align, parts, found.task, list);
	while (n) {
		Layout *l = take_lowest(list, &n);
		if (best.layout && l->peak >= best.arena_bytes)
			break;
		int64_t bytes = place_once(&c->placed, c->arena, l->nbuffers,
		                           l->buffer);
		if (better(bytes, l, &best))
			best = (Best){p, l, bytes, found.bound};
	}
	return best;
}

static Best keep_order(Chooser *c, Problem *p)
{
	int *order = arena_array(p->arena, int, p->ntasks + 1);
	all_schedulers[0](p, order);
	Layout *l = layout_create(p, order, c->align);
	int64_t bytes = place_once(&c->placed, c->arena, l->nbuffers, l->buffer);
	return (Best){.problem = p, .layout = l, .arena_bytes = bytes};
}

static bool is_disabled(const Pass *part, const Options *o)
{
	return o && pass_is_disabled(part, o);
}

static Best choose(Chooser *c, Problem *p)
{
	return is_disabled(&pass_order, c->options) ? keep_order(c, p)
	                                            : choose_order(c, p);
}

static void forget_reuses(Problem *p)
{
	for (int t = 0; t < p->ntasks; t++)
		p->task[t].nreuses = 0;
}

/* What lies over one another is placed together, which may be in the way: an
 * arena that is not proved to be the least is compared with one without. */
static Best choose_overlap(Chooser *c, Problem *p)
{
	if (is_disabled(&pass_in_place, c->options))
		forget_reuses(p);
	Best best = choose(c, p);
	if (best.arena_bytes <= best.bound || !problem_separate(p))
		return best;
	Best apart = choose(c, p);
	if (!better(apart.arena_bytes, apart.layout, &best))
		return best;
	apart.bound = best.bound;
	return apart;
}

/* ---- values inside of others ---- */

static bool has_pieces(Arena *a, const Node *n)
{
	return n->op->pieces &&
	       node_pieces(n, arena_array(a, Piece, n->nin + n->nout));
}

static bool any_pieces(Arena *a, const Graph *g)
{
	for (const Node *n = g->first; n; n = n->next)
		if (has_pieces(a, n))
			return true;
	return false;
}

static Best with_copies(Chooser *c)
{
	Problem *p = problem_with_views(c->arena, c->g, c->copies);
	return choose_overlap(c, p);
}

/* Is one of the node's results, or what it takes them from, there at the
 * step? */
static bool is_there(const Best *best, const Node *n, int step)
{
	const Problem *p = best->problem;
	for (int i = -n->nin; i < n->nout; i++) {
		const Value *v = i < 0 ? n->in[-1 - i] : n->out[i];
		int b = v ? best->layout->of[p->of[v->id]] : -1;
		if (b >= 0 && best->layout->buffer[b].first <= step &&
		    best->layout->buffer[b].last >= step)
			return true;
	}
	return false;
}

/* One after the other of the nodes that have to do with the peak does what it
 * did not. */
static void change_some(Chooser *c)
{
	int most = APART_WORK / (c->best.problem->ntasks + 1);
	most = most < MOST_APART ? most : MOST_APART;
	for (const Node *n = c->g->first; n && most > 0; n = n->next) {
		if (c->best.arena_bytes <= c->best.bound)
			return;
		if (!has_pieces(c->arena, n) ||
		    !is_there(&c->best, n, c->best.layout->peak_step))
			continue;
		most--;
		c->copies[n->id] = !c->copies[n->id];
		Best other = with_copies(c);
		int64_t bound = c->best.bound;
		if (other.arena_bytes < c->best.arena_bytes)
			c->best = other;
		else
			c->copies[n->id] = !c->copies[n->id];
		c->best.bound = bound;
	}
}

/* Where both need the same, fewer bytes are moved. */
static Best choose_views(Chooser *c)
{
	Problem *apart = problem_create(c->arena, c->g);
	if (is_disabled(&pass_views, c->options) || !any_pieces(c->arena, c->g))
		return choose_overlap(c, apart);
	int64_t floor = problem_floor(apart);
	c->copies = arena_array(c->arena, bool, c->g->nnodes);
	c->best = with_copies(c);
	if (!c->best.problem->nshared || c->best.arena_bytes <= floor)
		return c->best;
	Best without = choose_overlap(c, apart);
	int64_t bound = without.bound < c->best.bound ? without.bound
	                                              : c->best.bound;
	if (without.arena_bytes < c->best.arena_bytes) {
		c->best = without;
		for (int i = 0; i < c->g->nnodes; i++)
			c->copies[i] = true;
	}
	c->best.bound = bound;
	change_some(c);
	return c->best;
}

/* ---- writing it down ---- */

static Place place_of(const Problem *p, const Layout *l, int value)
{
	int storage = p->of[value], b = l->of[storage];
	const Storage *s = &p->storage[storage];
	if (s->region != REGION_ARENA)
		return (Place){
		    .region = s->region,
		    .base = s->root->total ? s->root->total : s->root,
		    .offset = p->at[value],
		};
	return (Place){REGION_ARENA, s->whole, b,
		       l->buffer[b].offset + l->at[storage]};
}

static void set_peak(Plan *plan, const Layout *l)
{
	plan->lower_bound = l->peak;
	plan->peak_step = l->peak_step;
	for (int b = 0; b < l->nbuffers; b++)
		for (int i = 0; i < buffer_windows(&l->buffer[b]); i++) {
			BufferWindow w = buffer_window(&l->buffer[b], i);
			if (w.first <= l->peak_step && w.last >= l->peak_step)
				plan->peak[l->buffer[b].memory] +=
				    w.high - w.low;
		}
}

static Buffer buffer_copy(Arena *a, const Buffer *b)
{
	Buffer c = *b;
	c.window = arena_array(a, BufferWindow, b->nwindows);
	for (int i = 0; i < b->nwindows; i++)
		c.window[i] = b->window[i];
	return c;
}

static Plan *write_plan(const Best *best)
{
	const Problem *p = best->problem;
	Arena *a = p->graph->unit->arena;
	const Layout *l = best->layout;
	Plan *plan = arena_new(a, Plan);
	plan->graph = p->graph;
	plan->nsteps = p->ntasks;
	plan->step = arena_array(a, Node *, p->ntasks);
	for (int i = 0; i < p->ntasks; i++) {
		const Task *t = &p->task[l->order[i]];
		plan->step[i] = t->node;
		plan->cost.flops += t->cost.flops;
		plan->cost.bytes += t->cost.bytes;
	}
	plan->nbuffers = l->nbuffers;
	plan->buffer = arena_array(a, Buffer, l->nbuffers);
	for (int b = 0; b < l->nbuffers; b++)
		plan->buffer[b] = buffer_copy(a, &l->buffer[b]);
	plan->place = arena_array(a, Place, p->graph->nvalues);
	for (int v = 0; v < p->graph->nvalues; v++)
		if (p->of[v] >= 0)
			plan->place[v] = place_of(p, l, v);
	plan->arena_bytes = best->arena_bytes;
	plan->recomputed_flops = repeated_flops(p->graph);
	set_peak(plan, l);
	plan->order_bound = best->bound;
	plan->order_optimal = best->bound == l->peak;
	return plan;
}

Plan *plan_memory(Graph *g, const Options *options)
{
	int align = target_or_host(options ? options->target : NULL)->core->align;
	Arena *scratch = arena_create();
	Best best = choose_views(
		&(Chooser){scratch, g, align, options, .placed = NULL});
	Plan *plan = write_plan(&best);
	const char *wrong = plan_check(scratch, plan);
	if (wrong)
		BUG("the plan of '%s' is wrong: %s", g->name, wrong);
	arena_destroy(scratch);
	return plan;
}

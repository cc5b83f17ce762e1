#include "passes/shrink.h"

#include "ir/scan.h"
#include "passes/pass.h"
#include "passes/remat.h"

enum { EFFORT = 400000 };   /* entries measured for one loop */

/* ---- one loop ---- */

static Remat *remat_of(Arena *a, const Plan *plan)
{
	Graph *g = (Graph *)plan->graph;
	Problem *p = problem_create(a, g);
	int *task = arena_array(a, int, g->nnodes + 1);
	int *order = arena_array(a, int, p->ntasks + 1);
	for (int t = 0; t < p->ntasks; t++)
		task[p->task[t].node->id] = t;
	for (int i = 0; i < plan->nsteps; i++)
		order[i] = task[plan->step[i]->id];
	return remat_create(a, p, order);
}

static Plan *smaller(Plan *a, Plan *b)
{
	return !a || b->arena_bytes < a->arena_bytes ? b : a;
}

/* The nodes for one part, within so many bytes, or the least that was found;
 * NULL: no less than before. */
static Plan *shrink_part(const Plan *plan, int64_t bytes, const Options *o)
{
	enum { TIMES = 3 };
	Arena *scratch = arena_create();
	Remat *r = remat_of(scratch, plan);
	Sequence q = sequence_create(r);
	Plan *best = NULL;
	int64_t target = bytes;
	remat_measure(r, &r->base);
	int64_t before = r->peak;
	for (int i = 0; i < TIMES && target > 0; i++) {
		bool found = remat_search(r, target, EFFORT, &q);
		if (r->peak >= before)
			break;
		best = smaller(best, plan_memory(remat_graph(r, &q), o));
		if (!found || best->arena_bytes <= bytes)
			break;
		target -= best->arena_bytes - bytes;
	}
	arena_destroy(scratch);
	return best && best->arena_bytes < plan->arena_bytes ? best : NULL;
}

static Value *workspace_of(const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->memory == MEM_WORKSPACE)
			return n->out[o];
	return NULL;
}

static bool shrink(Node *n, int64_t bytes, const Options *o)
{
	Plan *plan = shrink_part(n->scan->plan, bytes, o);
	Value *w = workspace_of(n);
	if (!plan || !w || plan->arena_bytes == 0)
		return false;
	Scan *s = arena_new(plan->graph->unit->arena, Scan);
	*s = (Scan){n->scan->parts, (Graph *)plan->graph, plan};
	n->scan = s;
	w->shape.dim[0] = plan->arena_bytes;
	return true;
}

/* ---- all that are too large ---- */

static int64_t *live_bytes(Arena *a, const Plan *plan)
{
	int64_t *live = arena_array(a, int64_t, plan->nsteps + 1);
	for (int b = 0; b < plan->nbuffers; b++)
		for (int i = 0; i < buffer_windows(&plan->buffer[b]); i++) {
			BufferWindow w = buffer_window(&plan->buffer[b], i);
			for (int s = w.first; s <= w.last; s++)
				live[s] += w.high - w.low;
		}
	return live;
}

/* By node id: bytes that the nodes for one part may take; 0: as many as they do.
 * NULL: what else there is at a step is too much. */
static int64_t *find_limits(Arena *a, const Plan *plan, int64_t arena_bytes)
{
	int64_t *live = live_bytes(a, plan);
	int64_t *limit = arena_array(a, int64_t, plan->graph->nnodes);
	for (int s = 0; s < plan->nsteps; s++) {
		const Node *n = plan->step[s];
		int64_t over = live[s] - arena_bytes;
		if (over <= 0)
			continue;
		if (!n->scan || over >= n->scan->plan->arena_bytes)
			return NULL;
		limit[n->id] = n->scan->plan->arena_bytes - over;
	}
	return limit;
}

Plan *shrink_loops(const Plan *plan, int64_t arena_bytes, const Options *o)
{
	Arena *scratch = arena_create();
	int64_t *limit = find_limits(scratch, plan, arena_bytes);
	bool changed = false;
	Graph *g = limit ? graph_clone(plan->graph, plan->graph->name, NULL)
	                 : NULL;
	for (Node *n = g ? g->first : NULL; n; n = n->next)
		if (limit[n->id])
			changed |= shrink(n, limit[n->id], o);
	arena_destroy(scratch);
	return changed ? plan_memory(g, o) : NULL;
}

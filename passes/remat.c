/* The model behind recomputation: what a sequence of tasks costs in operations
 * and in bytes, and the graph that it stands for. */
#include "passes/remat.h"

#include "ir/op.h"

#include <string.h>

enum { GROWTH = 6, SPARE = 256 };   /* of a sequence */

/* ---- what is known of the problem ---- */

static bool is_sized(const Problem *p, int s)
{
	return p->storage[s].region == REGION_ARENA;
}

static void find_replacements(Remat *r)
{
	const Problem *p = r->p;
	int *task = arena_array(r->arena, int, p->graph->model->nvars + 1);
	for (int i = 0; i < p->graph->model->nvars; i++)
		task[i] = -1;
	for (int t = 0; t < p->ntasks; t++)
		for (int o = 0; o < p->task[t].node->nout; o++)
			if (p->task[t].node->out[o]->var)
				task[p->task[t].node->out[o]->var->id] = t;
	for (int s = 0; s < p->nstorages; s++) {
		const Value *root = p->storage[s].root;
		r->replaced_by[s] = root->kind == V_VARIABLE
		                    ? task[root->var->id] : -1;
	}
}

/* What replaces a variable does so once; so does what adds to a sum, or is read
 * outside, where the nodes are those for one part of a batch. */
static bool runs_once(const Problem *p, const Task *t)
{
	bool sized = false;
	for (int i = 0; i < t->nwrites; i++) {
		if (p->storage[t->write[i]].root->var ||
		    p->storage[t->write[i]].region == REGION_OUTER)
			return true;
		sized |= p->storage[t->write[i]].bytes > 0;
	}
	return !sized;
}

static int64_t most_lives(const Remat *r)
{
	int writes = 1;
	for (int t = 0; t < r->p->ntasks; t++)
		if (r->p->task[t].nwrites > writes)
			writes = r->p->task[t].nwrites;
	return r->p->nstorages + (int64_t)r->max * writes;
}

static int64_t most_reads(const Remat *r)
{
	int reads = 1;
	for (int t = 0; t < r->p->ntasks; t++)
		if (r->p->task[t].nreads > reads)
			reads = r->p->task[t].nreads;
	return (int64_t)r->max * reads;
}

Remat *remat_create(Arena *a, const Problem *p, const int order[])
{
	Remat *r = arena_new(a, Remat);
	r->arena = a;
	r->p = p;
	r->max = GROWTH * p->ntasks + SPARE;
	r->replaced_by = arena_array(a, int, p->nstorages + 1);
	r->position = arena_array(a, int, p->ntasks + 1);
	r->fixed = arena_array(a, bool, p->ntasks + 1);
	find_replacements(r);
	r->base = sequence_create(r);
	for (int i = 0; i < p->ntasks; i++) {
		int t = order[i];
		r->fixed[t] = runs_once(p, &p->task[t]);
		r->position[t] = r->base.n;
		if (!p->task[t].skipped)
			r->base.task[r->base.n++] = t;
	}
	r->life = arena_array(a, Life, most_lives(r));
	r->latest = arena_array(a, int, p->nstorages + 1);
	r->reads = arena_array(a, int, r->max + 1);
	r->source = arena_array(a, int, most_reads(r));
	r->live = arena_array(a, int64_t, r->max + 2);
	r->highest = arena_array(a, int64_t, r->max / REMAT_BLOCK + 1);
	r->where = arena_array(a, int, p->ntasks + 1);
	return r;
}

Sequence sequence_create(Remat *r)
{
	return (Sequence){0, arena_array(r->arena, int, r->max + 1)};
}

void sequence_copy(Sequence *to, const Sequence *from)
{
	to->n = from->n;
	memcpy(to->task, from->task, sizeof(int) * (size_t)from->n);
}

/* ---- measuring ---- */

static void begin_life(Remat *r, int storage, int entry)
{
	r->life[r->nlives] = (Life){storage, entry, entry, r->latest[storage]};
	r->latest[storage] = r->nlives++;
}

static void find_lives(Remat *r, const Sequence *q)
{
	const Problem *p = r->p;
	int nsource = 0;
	r->nlives = 0;
	for (int s = 0; s < p->nstorages; s++) {
		r->latest[s] = -1;
		if (is_sized(p, s) && p->storage[s].writer < 0)
			begin_life(r, s, 0);
	}
	r->nsources = r->nlives;
	for (int i = 0; i < q->n; i++) {
		const Task *t = &p->task[q->task[i]];
		r->reads[i] = nsource;
		r->where[q->task[i]] = i;
		for (int k = 0; k < t->nreads; k++) {
			int l = r->latest[t->read[k]];
			r->source[nsource++] = l;
			if (l >= 0)
				r->life[l].last = i;
			else if (is_sized(p, t->read[k]))
				BUG("entry %d reads what is not computed", i);
		}
		for (int k = 0; k < t->nwrites; k++)
			if (is_sized(p, t->write[k]))
				begin_life(r, t->write[k], i);
	}
	r->reads[q->n] = nsource;
	for (int s = 0; s < p->nstorages; s++)
		if (p->storage[s].output && r->latest[s] >= 0 && q->n)
			r->life[r->latest[s]].last = q->n - 1;
}

static bool dies(const Remat *r, const Task *t, int entry, int storage)
{
	for (int j = 0; j < t->nreads; j++)
		if (t->read[j] == storage)
			return r->life[r->source[r->reads[entry] + j]].last ==
			       entry && !r->p->storage[storage].output;
	return false;
}

int64_t remat_reused(const Problem *p, const Task *t, const bool dies[])
{
	bool used[REMAT_REUSES];
	int64_t bytes = 0;
	for (int k = 0; k < t->nreuses && k < REMAT_REUSES; k++) {
		const Reuse *u = &t->reuse[k];
		used[k] = dies[k];
		for (int j = 0; j < k; j++)
			if (used[j] && (t->reuse[j].read == u->read ||
			                t->reuse[j].write == u->write))
				used[k] = false;
		if (used[k])
			bytes += reuse_saves(p, u);
	}
	return bytes;
}

static int64_t bytes_reused(const Remat *r, const Task *t, int entry)
{
	bool dying[REMAT_REUSES];
	for (int k = 0; k < t->nreuses && k < REMAT_REUSES; k++)
		dying[k] = dies(r, t, entry, t->reuse[k].read);
	return t->nreuses ? remat_reused(r->p, t, dying) : 0;
}

void remat_measure(Remat *r, const Sequence *q)
{
	const Problem *p = r->p;
	find_lives(r, q);
	memset(r->live, 0, sizeof *r->live * (size_t)(q->n + 1));
	for (int l = 0; l < r->nlives; l++) {
		r->live[r->life[l].first] += p->storage[r->life[l].storage].bytes;
		r->live[r->life[l].last + 1] -=
			p->storage[r->life[l].storage].bytes;
	}
	int64_t live = 0;
	r->peak = r->excess = r->flops = 0;
	r->peak_entry = 0;
	r->work += q->n;
	for (int i = 0; i < q->n; i++) {
		const Task *t = &p->task[q->task[i]];
		live += r->live[i];
		r->live[i] = live - bytes_reused(r, t, i);
		r->flops += t->cost.flops;
		int64_t *highest = &r->highest[i / REMAT_BLOCK];
		if (i % REMAT_BLOCK == 0 || r->live[i] > *highest)
			*highest = r->live[i];
		if (r->live[i] > r->peak) {
			r->peak = r->live[i];
			r->peak_entry = i;
		}
		if (r->live[i] > r->target)
			r->excess += r->live[i] - r->target;
	}
}

bool remat_fits(const Remat *r, int from, int to, int64_t bytes)
{
	int64_t room = r->target - bytes;
	for (int i = from; i < to;) {
		bool block = i % REMAT_BLOCK == 0 && to - i >= REMAT_BLOCK;
		if (room < (block ? r->highest[i / REMAT_BLOCK] : r->live[i]))
			return false;
		i += block ? REMAT_BLOCK : 1;
	}
	return true;
}

/* ---- what nobody reads ---- */

static bool is_wanted(const Problem *p, const Task *t, const bool *wanted)
{
	for (int i = 0; i < t->nwrites; i++)
		if (wanted[t->write[i]] || p->storage[t->write[i]].root->var)
			return true;
	return false;
}

void sequence_prune(const Remat *r, Sequence *q)
{
	const Problem *p = r->p;
	Arena *scratch = arena_create();
	bool *wanted = arena_array(scratch, bool, p->nstorages + 1);
	int n = q->n, kept = q->n;
	for (int s = 0; s < p->nstorages; s++)
		wanted[s] = p->storage[s].output;
	for (int i = n - 1; i >= 0; i--) {
		const Task *t = &p->task[q->task[i]];
		if (!is_wanted(p, t, wanted))
			continue;
		for (int k = 0; k < t->nwrites; k++)
			wanted[t->write[k]] = false;
		for (int k = 0; k < t->nreads; k++)
			wanted[t->read[k]] = true;
		q->task[--kept] = q->task[i];
	}
	q->n = n - kept;
	memmove(q->task, q->task + kept, sizeof(int) * (size_t)q->n);
	arena_destroy(scratch);
}

/* ---- the graph ---- */

typedef struct Emit {
	const Remat *r;
	int n, max;
	Node **order;
	int *computed;        /* by storage: how many times so far */
	int *viewed;          /* by value id of a view: of which computation */
	int *task_of;         /* by node id */
} Emit;

static void emit(Emit *e, Node *n)
{
	if (e->n == e->max) {
		Node **more = arena_array(e->r->arena, Node *, 2 * e->max);
		memcpy(more, e->order, sizeof(Node *) * (size_t)e->n);
		e->order = more;
		e->max *= 2;
	}
	e->order[e->n++] = n;
}

/* Views follow what they view: one for each computation that is read. */
static void emit_views(Emit *e, const Value *v)
{
	const Problem *p = e->r->p;
	if (!v || v->kind != V_RESULT || !p->task[e->task_of[v->def->id]].skipped)
		return;
	emit_views(e, v->def->in[0]);
	int now = e->computed[p->of[v->id]] + 1;
	if (e->viewed[v->id] == now)
		return;
	e->viewed[v->id] = now;
	emit(e, v->def);
}

static void emit_task(Emit *e, const Task *t)
{
	for (int i = 0; i < t->node->nin; i++)
		emit_views(e, t->node->in[i]);
	for (int i = 0; i < t->nwrites; i++)
		e->computed[t->write[i]]++;
	emit(e, t->node);
}

Graph *remat_graph(const Remat *r, const Sequence *q)
{
	const Problem *p = r->p;
	Graph *g = p->graph;
	Emit e = {
		.r = r, .max = q->n + p->ntasks + 1,
		.order = arena_array(r->arena, Node *, q->n + p->ntasks + 1),
		.computed = arena_array(r->arena, int, p->nstorages + 1),
		.viewed = arena_array(r->arena, int, g->nvalues + 1),
		.task_of = arena_array(r->arena, int, g->nnodes + 1),
	};
	for (int t = 0; t < p->ntasks; t++)
		e.task_of[p->task[t].node->id] = t;
	for (int i = 0; i < q->n; i++)
		emit_task(&e, &p->task[q->task[i]]);
	for (int i = 0; i < g->noutputs; i++)
		emit_views(&e, g->output[i].value);
	return graph_arrange(g, e.n, e.order);
}

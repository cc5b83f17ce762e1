/*
 * The planner's view of a graph: tasks (nodes) that read and write storages, and
 * where a kernel may overwrite what it reads.
 */
#include "passes/share.h"

#include "ir/scan.h"

#include <stdlib.h>
#include <string.h>

typedef struct Builder {
	Problem *p;
	Arena *arena;
	Share *share;
	int *task_of;         /* by node id */
	bool *loaded;         /* by value id: some kernel reads it in memory */
} Builder;

/* ---- kernels: cost, loads, what may be overwritten ---- */

static void note_loads(Builder *b, const Kernel *k, const Node *n)
{
	for (int i = 0; i < n->nin; i++) {
		const Value *v = n->in[i];
		if (v && !b->loaded[v->id])
			b->loaded[v->id] = k ? kernel_reads(k, v)
			                     : numel(v->shape) != 1;
	}
}

/* What the kernel's loops allow for an input and an output. */
typedef struct Pair {
	bool in_place;
	int64_t ahead;        /* the least that is known to be safe */
} Pair;

enum { LEAST_SAVED = 256 };   /* bytes that an overlap is worth while for */

/* ---- values as storages ---- */

static bool same_storages(const Problem *p, const Value *v, const Value *w)
{
	return p->of[v->id] == p->of[w->id] &&
	       p->parts[v->id] == p->parts[w->id];
}

static bool share_storages(const Problem *p, const Value *v, const Value *w)
{
	int a = p->of[v->id], b = p->of[w->id];
	return a < b + p->parts[w->id] && b < a + p->parts[v->id];
}

static bool same_body(const Problem *p, const Value *v, const Value *w)
{
	return p->storage[p->of[v->id]].body == p->storage[p->of[w->id]].body;
}

/* The inputs that share storages with one. */
typedef struct Sharers {
	int n, *input;
} Sharers;

/* By input; none for one that an earlier input has the storages of. */
static const Sharers *find_sharers(Arena *a, const Problem *p, const Node *n)
{
	Sharers *list = arena_array(a, Sharers, n->nin + 1);
	int *all = arena_array(a, int, n->nin + 1);
	for (int i = 0; i < n->nin; i++) {
		int count = 0;
		bool seen = !n->in[i];
		for (int k = 0; k < n->nin && !seen; k++) {
			if (!n->in[k] || !share_storages(p, n->in[k], n->in[i]))
				continue;
			seen = k < i && same_storages(p, n->in[k], n->in[i]);
			all[count++] = k;
		}
		if (seen)
			continue;
		list[i] = (Sharers){count, arena_array(a, int, count)};
		memcpy(list[i].input, all, sizeof *all * (size_t)count);
	}
	return list;
}

/* May the task write output o over the input and all that share its storages?
 * `pair` has the kernel's answer for each input and output. */
static bool may_overwrite(const Problem *p, const Node *n, const Pair *pair,
                          const Sharers *s, int o)
{
	const Value *x = n->in[s->input[0]];
	for (int k = 0; k < s->n; k++)
		if (!same_storages(p, n->in[s->input[k]], x) ||
		    !pair[s->input[k] * n->nout + o].in_place)
			return false;
	return true;
}

/* How far before it output o must start, in steps that keep all alignments; -1:
 * an input that is a part of it is in the way. */
static int64_t must_be_ahead(const Problem *p, const Node *n, const Pair *pair,
                             const Sharers *s, int o)
{
	const Value *x = n->in[s->input[0]];
	int64_t ahead = 0;
	for (int k = 0; k < s->n; k++) {
		if (!same_storages(p, n->in[s->input[k]], x))
			return -1;
		int64_t more = pair[s->input[k] * n->nout + o].ahead;
		ahead = more > ahead ? more : ahead;
	}
	return (ahead + OVERLAP_ALIGN - 1) / OVERLAP_ALIGN * OVERLAP_ALIGN;
}

static Pair pair_of(const Kernel *k, const Value *in, const Value *out)
{
	Pair pair = {kernel_in_place(k, in, out), value_bytes(out)};
	if (value_bytes(in) >= LEAST_SAVED && value_bytes(out) >= LEAST_SAVED)
		pair.ahead = kernel_distance(k, in, out);
	return pair;
}

/* A Scan has no kernel of its own. */
static Pair scan_pair(const Node *n, int i, int o)
{
	return (Pair){scan_in_place(n, i, o), scan_distance(n, i, o)};
}

static const Pair *find_pairs(Arena *a, const Kernel *k, const Node *n)
{
	Pair *pair = arena_array(a, Pair, n->nin * n->nout + 1);
	for (int i = 0; i < n->nin; i++)
		for (int o = 0; o < n->nout; o++)
			if (n->in[i])
				pair[i * n->nout + o] =
					k ? pair_of(k, n->in[i], n->out[o])
					  : scan_pair(n, i, o);
	return pair;
}

/* ---- tasks ---- */

static int add_once(int list[], int n, int x)
{
	for (int i = 0; i < n; i++)
		if (list[i] == x)
			return n;
	list[n] = x;
	return n + 1;
}

static int read_storages(const Problem *p, const Value *v, int list[], int n)
{
	for (int k = 0; k < p->parts[v->id]; k++)
		n = add_once(list, n, p->of[v->id] + k);
	return n;
}

/* Is nothing left to do, as all outputs were handed on? */
static bool nothing_to_do(const Builder *b, int t)
{
	const Node *n = b->p->task[t].node;
	const Handed *handed = &b->share->handed[t];
	int64_t elements = 0;
	for (int o = 0; o < n->nout; o++)
		elements += numel(n->out[o]->shape);
	for (int i = 0; i < handed->n; i++)
		elements -= handed->placed[i] ? handed->piece[i].count : 0;
	return !elements && handed->n && handed->placed[0];
}

/* What is only handed on is read by who reads it then. */
static void find_reads(const Problem *p, Task *task)
{
	const Node *n = task->node;
	int count = task->skipped ? n->nout : n->nin, most = 0;
	Value *const *v = task->skipped ? n->out : n->in;
	for (int i = 0; i < count; i++)
		most += v[i] ? p->parts[v[i]->id] : 0;
	task->read = arena_array(p->arena, int, most);
	for (int i = 0; i < count; i++)
		if (v[i])
			task->nreads = read_storages(p, v[i], task->read,
			                             task->nreads);
}

static void find_writes(const Problem *p, Task *task, int t)
{
	const Node *n = task->node;
	int most = 0;
	for (int o = 0; o < n->nout; o++)
		most += p->parts[n->out[o]->id];
	task->write = arena_array(p->arena, int, most);
	for (int o = 0; o < n->nout; o++)
		for (int k = 0; k < p->parts[n->out[o]->id]; k++) {
			int s = p->of[n->out[o]->id] + k;
			if (p->storage[s].writer == t)
				task->write[task->nwrites++] = s;
		}
}

static void find_accesses(Builder *b, int t)
{
	Problem *p = b->p;
	Task *task = &p->task[t];
	task->skipped = nothing_to_do(b, t);
	if (task->skipped)
		task->cost = (Cost){0, 0};
	find_reads(p, task);
	find_writes(p, task, t);
	for (int i = 0; i < task->nreads; i++)
		p->storage[task->read[i]].nreaders++;
}

/* A task that reads a variable and replaces it works in place or not at all. */
static void check_replacements(const Problem *p, const Node *n,
                               const Pair *pair, const Sharers *sharers)
{
	for (int o = 0; o < n->nout; o++)
		for (int i = 0; i < n->nin && n->out[o]->var; i++) {
			if (!sharers[i].n)
				continue;
			const Storage *s = &p->storage[p->of[n->in[i]->id]];
			if (s->region == REGION_STATE &&
			    s->root->var == n->out[o]->var &&
			    !may_overwrite(p, n, pair, &sharers[i], o))
				BUG("%s '%s' cannot replace variable '%s' in "
				    "place", n->op->name, n->loc.node,
				    s->root->var->name);
		}
}

static int64_t bytes_of(const Problem *p, int storage, int more)
{
	int64_t bytes = 0;
	for (int k = 0; k <= more; k++)
		bytes += p->storage[storage + k].bytes;
	return bytes;
}

bool reuse_is_in_place(const Problem *p, const Reuse *u)
{
	return !u->ahead && bytes_of(p, u->read, u->more_read) ==
	                    bytes_of(p, u->write, u->more_write);
}

int64_t reuse_saves(const Problem *p, const Reuse *u)
{
	int64_t read = bytes_of(p, u->read, u->more_read);
	int64_t left = bytes_of(p, u->write, u->more_write) - u->ahead;
	return left < 0 ? 0 : left < read ? left : read;
}

void task_reuse(const Problem *p, Task *task, Reuse u)
{
	int i = task->nreuses++;
	int64_t saved = reuse_saves(p, &u);
	for (; i > 0 && task->reuse[i - 1].write == u.write &&
	       reuse_saves(p, &task->reuse[i - 1]) < saved; i--)
		task->reuse[i] = task->reuse[i - 1];
	task->reuse[i] = u;
}

/* Over x, in its place or before it, if either is worth while. */
static void find_reuse(Problem *p, Task *task, const Pair *pair,
                       const Value *x, const Sharers *s, int o)
{
	const Value *y = task->node->out[o];
	Reuse u = {
		.read = p->of[x->id], .more_read = p->parts[x->id] - 1,
		.write = p->of[y->id], .more_write = p->parts[y->id] - 1,
	};
	if (p->storage[u.read].region != REGION_ARENA || same_body(p, x, y))
		return;
	bool in_place = reuse_is_in_place(p, &u) &&
	                may_overwrite(p, task->node, pair, s, o);
	if (!in_place)
		u.ahead = must_be_ahead(p, task->node, pair, s, o);
	if (in_place || (u.ahead >= 0 && reuse_saves(p, &u) >= LEAST_SAVED))
		task_reuse(p, task, u);
}

/* The task writes all of it, and it takes room. */
static bool is_written(const Problem *p, int t, const Value *v)
{
	for (int k = 0; k < p->parts[v->id]; k++) {
		const Storage *s = &p->storage[p->of[v->id] + k];
		if (s->writer != t || !s->bytes)
			return false;
	}
	return true;
}

static void find_reuses(Builder *b, int t, const Pair *pair)
{
	Problem *p = b->p;
	Task *task = &p->task[t];
	const Node *n = task->node;
	Arena *scratch = arena_create();
	const Sharers *sharers = find_sharers(scratch, p, n);
	task->reuse = arena_array(b->arena, Reuse, n->nin * n->nout);
	for (int o = 0; o < n->nout; o++)
		for (int i = 0; i < n->nin && is_written(p, t, n->out[o]); i++)
			if (sharers[i].n)
				find_reuse(p, task, pair, n->in[i],
				           &sharers[i], o);
	check_replacements(p, n, pair, sharers);
	arena_destroy(scratch);
}

/* ---- what must come before what ---- */

static void add_edge(Builder *b, int from, int to)
{
	Task *t = &b->p->task[from];
	if (t->nafter && t->after[t->nafter - 1] == to)
		return;
	if (!(t->nafter & (t->nafter - 1))) {
		int *more = arena_array(b->arena, int,
		                        t->nafter ? 2 * t->nafter : 1);
		if (t->nafter)
			memcpy(more, t->after,
			       sizeof *more * (size_t)t->nafter);
		t->after = more;
	}
	t->after[t->nafter++] = to;
	b->p->task[to].nbefore++;
}

/* Readers of a variable's old contents before the task that replaces it. */
static void order_replacement(Builder *b, const Storage *s)
{
	if (s->region != REGION_STATE || s->root->kind != V_VARIABLE)
		return;
	int writer = b->share->replaced[s->root->var->id];
	for (int i = 0; i < s->nreaders && writer < b->p->ntasks; i++)
		if (s->reader[i] != writer)
			add_edge(b, s->reader[i], writer);
}

static void find_order(Builder *b)
{
	Problem *p = b->p;
	for (int t = 0; t < p->ntasks; t++)
		for (int i = 0; i < p->task[t].node->nin; i++) {
			const Value *v = p->task[t].node->in[i];
			if (v && v->def)
				add_edge(b, b->task_of[v->def->id], t);
		}
	for (int s = 0; s < p->nstorages; s++)
		order_replacement(b, &p->storage[s]);
}

static void find_readers(Problem *p)
{
	for (int s = 0; s < p->nstorages; s++) {
		p->storage[s].reader = arena_array(p->arena, int,
		                                   p->storage[s].nreaders);
		p->storage[s].nreaders = 0;
	}
	for (int t = 0; t < p->ntasks; t++)
		for (int i = 0; i < p->task[t].nreads; i++) {
			Storage *s = &p->storage[p->task[t].read[i]];
			s->reader[s->nreaders++] = t;
		}
}

/* ---- the whole ---- */

static void number_tasks(Builder *b, Graph *g)
{
	int t = 0;
	for (Node *n = g->first; n; n = n->next, t++) {
		b->p->task[t].node = n;
		b->task_of[n->id] = t;
	}
}

/* Kernels are large: each dies before the next is built. */
static const Pair **read_kernels(Builder *b)
{
	const Pair **pair = arena_array(b->arena, const Pair *, b->p->ntasks);
	for (int t = 0; t < b->p->ntasks; t++) {
		Arena *scratch = arena_create();
		const Node *n = b->p->task[t].node;
		const Kernel *k = n->scan ? NULL : kernel_of(scratch, n);
		b->p->task[t].cost = k ? kernel_cost(k) : node_cost(n);
		note_loads(b, k, n);
		pair[t] = find_pairs(b->arena, k, n);
		arena_destroy(scratch);
	}
	return pair;
}

static void find_outputs(const Problem *p)
{
	const Graph *g = p->graph;
	for (int i = 0; i < g->noutputs; i++) {
		const Value *v = g->output[i].value;
		for (int k = 0; k < p->parts[v->id]; k++) {
			Storage *s = &p->storage[p->of[v->id] + k];
			if (s->region != REGION_ARENA &&
			    s->region != REGION_OUTER &&
			    s->region != REGION_CALLER)
				BUG("output '%s' of '%s' is not computed into "
				    "the arena", g->output[i].name, g->name);
			s->output = true;
		}
	}
}

static Builder builder(Arena *a, Graph *g)
{
	Problem *p = arena_new(a, Problem);
	p->arena = a;
	p->graph = g;
	p->ntasks = graph_count(g, NULL);
	p->task = arena_array(a, Task, p->ntasks);
	p->of = arena_array(a, int, g->nvalues);
	p->parts = arena_array(a, int, g->nvalues);
	p->at = arena_array(a, int64_t, g->nvalues);
	for (int v = 0; v < g->nvalues; v++)
		p->of[v] = -1;
	return (Builder){
		.p = p, .arena = a, .task_of = arena_array(a, int, g->nnodes),
		.loaded = arena_array(a, bool, g->nvalues),
	};
}

bool problem_separate(Problem *p)
{
	int given_up = 0;
	for (int t = 0; t < p->ntasks; t++) {
		Task *task = &p->task[t];
		int n = 0;
		for (int i = 0; i < task->nreuses; i++)
			if (reuse_is_in_place(p, &task->reuse[i]))
				task->reuse[n++] = task->reuse[i];
		given_up += task->nreuses - n;
		task->nreuses = n;
	}
	return given_up > 0;
}

Problem *problem_with_views(Arena *a, Graph *g, const bool *copies)
{
	Builder b = builder(a, g);
	Problem *p = b.p;
	number_tasks(&b, g);
	const Pair **pair = read_kernels(&b);
	b.share = share_create(p, b.loaded, copies);
	p->nshared = b.share->nplaced;
	cut_storages(p, b.share);
	find_outputs(p);
	for (int t = 0; t < p->ntasks; t++)
		find_accesses(&b, t);
	find_readers(p);
	for (int t = 0; t < p->ntasks; t++)
		find_reuses(&b, t, pair[t]);
	find_order(&b);
	return p;
}


Problem *problem_create(Arena *a, Graph *g)
{
	return problem_with_views(a, g, NULL);
}

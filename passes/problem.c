/*
 * The planner's view of a graph: tasks (nodes) that read and write storages.
 * A view shares the storage of what it views; here is decided which views are
 * that and which are copies, and where a kernel may overwrite what it reads.
 */
#include "passes/planner.h"

#include "ir/op.h"
#include "ir/scan.h"

#include <string.h>

typedef struct Builder {
	Problem *p;
	Arena *arena;
	int *task_of;         /* by node id */
	int *last_read;       /* by value id: the last task, views followed */
	int *replaced;        /* by variable id: the task that writes it */
	bool *loaded;         /* by value id: some kernel reads it in memory */
	bool *output;         /* by value id */
	bool *outer;          /* by value id: output of a Scan's graph */
} Builder;

static const Value *viewed(const Node *n)
{
	return n->op->view ? n->in[0] : NULL;
}

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

/* May the task write output o over all inputs that share a storage? `pair` has
 * the kernel's answer for each input and output. */
static bool may_overwrite(const Problem *p, const Node *n, const Pair *pair,
                          int storage, int o)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && p->of[n->in[i]->id] == storage &&
		    !pair[i * n->nout + o].in_place)
			return false;
	return true;
}

/* How far before the storage output o must start, in steps that keep all
 * alignments. */
static int64_t must_be_ahead(const Problem *p, const Node *n, const Pair *pair,
                             int storage, int o)
{
	int64_t ahead = 0;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && p->of[n->in[i]->id] == storage &&
		    pair[i * n->nout + o].ahead > ahead)
			ahead = pair[i * n->nout + o].ahead;
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
	return (Pair){scan_in_place(n, i, o), value_bytes(n->out[o])};
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

/* ---- which values share a storage ---- */

static int new_storage(Builder *b, const Value *root, Region region, int writer)
{
	Problem *p = b->p;
	Storage *s = &p->storage[p->nstorages];
	s->root = root;
	s->region = region;
	s->bytes = region == REGION_ARENA ? value_bytes(root) : 0;
	s->writer = writer;
	return p->of[root->id] = p->nstorages++;
}

static Region region_of_input(const Value *v)
{
	switch (v->role) {
	case IN_DATA: case IN_TARGET:
		return REGION_ARENA;
	case IN_PART: case IN_WHOLE: case IN_INDEX: case IN_SUM:
		return REGION_OUTER;
	case IN_HYPER: case IN_STEP: case IN_SEED:
		break;
	}
	return REGION_CONTEXT;
}

static Region region_of_result(const Builder *b, const Value *v)
{
	if (v->var)
		return REGION_STATE;
	return b->outer[v->id] ? REGION_OUTER : REGION_ARENA;
}

static Region region_of_source(const Builder *b, const Value *v)
{
	switch (v->kind) {
	case V_CONST:
		return b->loaded[v->id] || numel(v->shape) != 1 ? REGION_CONST
		                                                : REGION_NONE;
	case V_VARIABLE:
		return v->var->mutable ? REGION_STATE : REGION_CONST;
	case V_INPUT:
		return region_of_input(v);
	case V_RESULT:
		break;
	}
	BUG("%%%s is read before it is computed", v->name);
}

static void find_source(Builder *b, const Value *v)
{
	if (v && b->p->of[v->id] < 0)
		new_storage(b, v, region_of_source(b, v), -1);
}

/* A view is a copy instead where the memory it views is no place for it: not
 * memory at all, not in the arena though the caller wants to read it there, or
 * a variable that is replaced while the view is still read. */
static bool view_in_place(const Builder *b, const Node *n)
{
	const Value *x = viewed(n), *v = n->out[0];
	if (!x || n->nout != 1 || v->var || v->dtype != x->dtype ||
	    numel(v->shape) != numel(x->shape) || b->outer[v->id])
		return false;
	const Storage *s = &b->p->storage[b->p->of[x->id]];
	if (s->region == REGION_NONE || s->region == REGION_CONTEXT)
		return false;
	if (b->output[v->id] && s->region != REGION_ARENA)
		return false;
	return s->region != REGION_STATE || s->root->kind != V_VARIABLE ||
	       b->last_read[v->id] < b->replaced[s->root->var->id];
}

static void find_storages(Builder *b, int t)
{
	Problem *p = b->p;
	Task *task = &p->task[t];
	Node *n = task->node;
	for (int i = 0; i < n->nin; i++)
		find_source(b, n->in[i]);
	task->skipped = view_in_place(b, n);
	for (int o = 0; o < n->nout; o++) {
		const Value *v = n->out[o];
		if (o == 0 && task->skipped)
			p->of[v->id] = p->of[n->in[0]->id];
		else
			new_storage(b, v, region_of_result(b, v), t);
	}
	if (task->skipped)
		task->cost = (Cost){0, 0};
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

static void find_accesses(Builder *b, int t)
{
	Problem *p = b->p;
	Task *task = &p->task[t];
	Node *n = task->node;
	task->read = arena_array(b->arena, int, n->nin);
	task->write = arena_array(b->arena, int, n->nout);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			task->nreads = add_once(task->read, task->nreads,
			                        p->of[n->in[i]->id]);
	for (int o = 0; o < n->nout; o++)
		if (o || !task->skipped)
			task->write[task->nwrites++] = p->of[n->out[o]->id];
	for (int i = 0; i < task->nreads; i++)
		p->storage[task->read[i]].nreaders++;
}

/* A task that reads a variable and replaces it works in place or not at all. */
static void check_replacements(const Problem *p, const Node *n,
                               const Pair *pair)
{
	for (int o = 0; o < n->nout; o++)
		for (int i = 0; i < n->nin && n->out[o]->var; i++) {
			if (!n->in[i])
				continue;
			int s = p->of[n->in[i]->id];
			const Value *root = p->storage[s].root;
			if (p->storage[s].region == REGION_STATE &&
			    root->var == n->out[o]->var &&
			    !may_overwrite(p, n, pair, s, o))
				BUG("%s '%s' cannot replace variable '%s' in "
				    "place", n->op->name, n->loc.node,
				    root->var->name);
		}
}

int64_t reuse_saves(const Problem *p, const Reuse *u)
{
	int64_t read = p->storage[u->read].bytes;
	int64_t left = p->storage[u->write].bytes - u->ahead;
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

/* Over the storage r, in its place or before it, if either is worth while. */
static void find_reuse(Problem *p, Task *task, const Pair *pair, int r, int o)
{
	Reuse u = {r, p->of[task->node->out[o]->id], 0};
	if (p->storage[r].region != REGION_ARENA)
		return;
	bool in_place = p->storage[r].bytes == p->storage[u.write].bytes &&
	                may_overwrite(p, task->node, pair, r, o);
	if (!in_place)
		u.ahead = must_be_ahead(p, task->node, pair, r, o);
	if (in_place || reuse_saves(p, &u) >= LEAST_SAVED)
		task_reuse(p, task, u);
}

static void find_reuses(Builder *b, int t, const Pair *pair)
{
	Problem *p = b->p;
	Task *task = &p->task[t];
	task->reuse = arena_array(b->arena, Reuse,
	                          task->nreads * task->node->nout);
	for (int o = 0; o < task->node->nout; o++) {
		int w = p->of[task->node->out[o]->id];
		if (p->storage[w].writer != t || !p->storage[w].bytes)
			continue;
		for (int i = 0; i < task->nreads; i++)
			find_reuse(p, task, pair, task->read[i], o);
	}
	check_replacements(p, task->node, pair);
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
	int writer = b->replaced[s->root->var->id];
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

static int count_nodes(const Graph *g)
{
	int n = 0;
	for (const Node *node = g->first; node; node = node->next)
		n++;
	return n;
}

static void number_tasks(Builder *b, Graph *g)
{
	int t = 0;
	for (int i = 0; i < g->model->nvars; i++)
		b->replaced[i] = b->p->ntasks;
	for (Node *n = g->first; n; n = n->next, t++) {
		b->p->task[t].node = n;
		b->task_of[n->id] = t;
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				b->replaced[n->out[o]->var->id] = t;
	}
}

/* From the end, so that a view's readers are known before the view. */
static void find_last_reads(Builder *b)
{
	for (int t = b->p->ntasks - 1; t >= 0; t--) {
		const Node *n = b->p->task[t].node;
		for (int i = 0; i < n->nin; i++)
			if (n->in[i] && b->last_read[n->in[i]->id] < t)
				b->last_read[n->in[i]->id] = t;
		const Value *x = viewed(n);
		if (x && b->last_read[x->id] < b->last_read[n->out[0]->id])
			b->last_read[x->id] = b->last_read[n->out[0]->id];
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

static void find_outputs(Builder *b, const Graph *g)
{
	for (int i = 0; i < g->noutputs; i++) {
		const Value *v = g->output[i].value;
		find_source(b, v);
		Storage *s = &b->p->storage[b->p->of[v->id]];
		if (s->region != REGION_ARENA && s->region != REGION_OUTER)
			BUG("output '%s' of '%s' is not computed into the "
			    "arena", g->output[i].name, g->name);
		s->output = true;
	}
}

static Builder builder(Arena *a, Graph *g)
{
	Problem *p = arena_new(a, Problem);
	p->arena = a;
	p->graph = g;
	p->ntasks = count_nodes(g);
	p->task = arena_array(a, Task, p->ntasks);
	p->storage = arena_array(a, Storage, g->nvalues);
	p->of = arena_array(a, int, g->nvalues);
	Builder b = {
		p, a, arena_array(a, int, g->nnodes),
		arena_array(a, int, g->nvalues),
		arena_array(a, int, g->model->nvars),
		arena_array(a, bool, g->nvalues),
		arena_array(a, bool, g->nvalues),
		arena_array(a, bool, g->nvalues),
	};
	for (int v = 0; v < g->nvalues; v++)
		p->of[v] = b.last_read[v] = -1;
	for (int i = 0; i < g->noutputs; i++) {
		const Output *o = &g->output[i];
		b.output[o->value->id] = true;
		b.outer[o->value->id] = o->role == OUT_ROWS ||
		                        o->role == OUT_SUM;
	}
	return b;
}

bool problem_separate(Problem *p)
{
	int given_up = 0;
	for (int t = 0; t < p->ntasks; t++) {
		Task *task = &p->task[t];
		int n = 0;
		for (int i = 0; i < task->nreuses; i++) {
			const Reuse *u = &task->reuse[i];
			if (!u->ahead && p->storage[u->read].bytes ==
			                 p->storage[u->write].bytes)
				task->reuse[n++] = *u;
		}
		given_up += task->nreuses - n;
		task->nreuses = n;
	}
	return given_up > 0;
}

Problem *problem_create(Arena *a, Graph *g)
{
	Builder b = builder(a, g);
	Problem *p = b.p;
	number_tasks(&b, g);
	find_last_reads(&b);
	const Pair **pair = read_kernels(&b);
	for (int i = 0; i < g->ninputs; i++)
		find_source(&b, g->input[i]);
	for (int t = 0; t < p->ntasks; t++)
		find_storages(&b, t);
	find_outputs(&b, g);
	for (int t = 0; t < p->ntasks; t++)
		find_accesses(&b, t);
	find_readers(p);
	for (int t = 0; t < p->ntasks; t++)
		find_reuses(&b, t, pair[t]);
	find_order(&b);
	return p;
}

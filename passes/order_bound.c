/*
 * The least that a step of one task can cost, whatever the order: what must
 * come before the task has run and what must come after has not, and of all
 * ways to divide the rest the cheapest is a least cut. A task that has run is
 * on the source's side; a storage costs its bytes if its writer is there and a
 * reader is not.
 *
 * What the task writes over is free, if only in part. The storage that it wants
 * to write over dies only if its other readers have run: with one candidate that is one more
 * node of the network, with several each is tried. Two writes are never told
 * that they want the same storage, so the bound may be low, never high.
 */
#include "passes/order.h"

enum { SOURCE, SINK, NFIXED };

typedef enum Side { FREE, EARLIER, LATER } Side;

struct Bounder {
	const Problem *p;
	int *begin, *pred;    /* predecessors of t: begin[t] .. begin[t + 1] */
	Side *side;           /* by task, for the task in question */
	int *node;            /* by task: of the network, if FREE */
	int *stack;
};

/* One question. */
typedef struct Cut {
	Bounder *b;
	Arena *arena;
	Flow *flow;
	int task, nnodes;
	int64_t fixed;        /* bytes that are live in any case */
	int branch;           /* a write that may lie over several; -1 */
	int64_t branch_free;  /*   bytes of it that may be free, */
	int64_t branch_fixed; /*   and that are not */
} Cut;

Bounder *bounder_create(Arena *a, const Problem *p)
{
	Bounder *b = arena_new(a, Bounder);
	int sum = 0;
	b->p = p;
	b->begin = arena_array(a, int, p->ntasks + 1);
	b->side = arena_array(a, Side, p->ntasks);
	b->node = arena_array(a, int, p->ntasks);
	b->stack = arena_array(a, int, p->ntasks);
	for (int t = 0; t < p->ntasks; t++) {
		sum += p->task[t].nbefore;
		b->begin[t + 1] = sum;
	}
	b->pred = arena_array(a, int, sum);
	int *end = arena_array(a, int, p->ntasks);
	for (int t = 0; t < p->ntasks; t++)
		for (int i = 0; i < p->task[t].nafter; i++) {
			int to = p->task[t].after[i];
			b->pred[b->begin[to] + end[to]++] = t;
		}
	return b;
}

/* ---- what is decided ---- */

static void mark(Bounder *b, int task, Side side)
{
	const Problem *p = b->p;
	int n = 0;
	b->side[task] = side;
	b->stack[n++] = task;
	while (n) {
		int t = b->stack[--n];
		int count = side == LATER ? p->task[t].nafter
		                          : b->begin[t + 1] - b->begin[t];
		const int *next = side == LATER ? p->task[t].after
		                                : &b->pred[b->begin[t]];
		for (int i = 0; i < count; i++)
			if (b->side[next[i]] == FREE) {
				b->side[next[i]] = side;
				b->stack[n++] = next[i];
			}
	}
}

static void divide(Bounder *b, int task)
{
	for (int t = 0; t < b->p->ntasks; t++)
		b->side[t] = FREE;
	mark(b, task, EARLIER);
	mark(b, task, LATER);
}

/* Will somebody read it later in any case? */
static bool held(const Bounder *b, const Storage *s)
{
	for (int i = 0; i < s->nreaders; i++)
		if (b->side[s->reader[i]] == LATER)
			return true;
	return s->output;
}

static int free_readers(const Bounder *b, const Storage *s)
{
	int n = 0;
	for (int i = 0; i < s->nreaders; i++)
		n += b->side[s->reader[i]] == FREE;
	return n;
}

/* ---- the network ---- */

/* Costs `bytes` if `from` has run and a free reader of s, or of those `more`
 * behind it, has not. */
static void add_storages(Cut *c, int from, const Storage *s, int more,
                         int64_t bytes)
{
	int aux = c->nnodes++;
	flow_arc(c->flow, from, aux, bytes);
	for (int k = 0; k <= more; k++)
		for (int i = 0; i < s[k].nreaders; i++)
			if (c->b->side[s[k].reader[i]] == FREE)
				flow_arc(c->flow, aux,
				         c->b->node[s[k].reader[i]], FLOW_MUCH);
}

static void enter_storage(Cut *c, const Storage *s)
{
	Bounder *b = c->b;
	Side side = s->writer < 0 ? EARLIER : b->side[s->writer];
	if (!s->bytes || side == LATER)
		return;
	int from = side == FREE ? b->node[s->writer] : SOURCE;
	bool kept = held(b, s);
	if (kept && side == EARLIER)
		c->fixed += s->bytes;
	else if (kept)
		flow_arc(c->flow, from, SINK, s->bytes);
	else if (free_readers(b, s))
		add_storages(c, from, s, 0, s->bytes);
}

static void enter_order(Cut *c)
{
	const Bounder *b = c->b;
	for (int t = 0; t < b->p->ntasks; t++)
		for (int i = b->begin[t]; i < b->begin[t + 1]; i++)
			if (b->side[t] == FREE && b->side[b->pred[i]] == FREE)
				flow_arc(c->flow, b->node[t],
				         b->node[b->pred[i]], FLOW_MUCH);
}

/* ---- what the task writes ---- */

static bool storage_may_die(const Cut *c, const Storage *s)
{
	for (int i = 0; i < s->nreaders; i++)
		if (s->reader[i] != c->task &&
		    c->b->side[s->reader[i]] == LATER)
			return false;
	return !s->output;
}

/* May the task be the last to read what it would write over? */
static bool may_die(const Cut *c, const Reuse *u)
{
	for (int k = 0; k <= u->more_read; k++)
		if (!storage_may_die(c, &c->b->p->storage[u->read + k]))
			return false;
	return true;
}

static bool dies_anyway(const Cut *c, const Reuse *u)
{
	for (int k = 0; k <= u->more_read; k++)
		if (free_readers(c->b, &c->b->p->storage[u->read + k]))
			return false;
	return may_die(c, u);
}

/* The most that is saved by lying over what dies in any case. */
static int64_t saved_anyway(const Cut *c, int w)
{
	const Problem *p = c->b->p;
	const Task *t = &p->task[c->task];
	int64_t most = 0;
	for (int i = 0; i < t->nreuses; i++) {
		int64_t saved = reuse_saves(p, &t->reuse[i]);
		if (t->reuse[i].write == w && saved > most &&
		    dies_anyway(c, &t->reuse[i]))
			most = saved;
	}
	return most;
}

static void enter_write(Cut *c, int w)
{
	const Problem *p = c->b->p;
	const Task *t = &p->task[c->task];
	int64_t anyway = saved_anyway(c, w), most = anyway;
	int n = 0;
	const Reuse *one = NULL;
	for (int i = 0; i < t->nreuses; i++) {
		int64_t saved = reuse_saves(p, &t->reuse[i]);
		if (t->reuse[i].write != w || saved <= anyway ||
		    !may_die(c, &t->reuse[i]))
			continue;
		most = saved > most ? saved : most;
		one = &t->reuse[i];
		n++;
	}
	c->fixed += p->storage[w].bytes - most;
	if (n == 1)
		add_storages(c, SOURCE, &p->storage[one->read], one->more_read,
		             most - anyway);
	else if (n > 1 && c->branch < 0) {
		c->branch = w;
		c->branch_free = most - anyway;
		c->branch_fixed = p->storage[w].bytes - most;
	}
}

static Cut cut_create(Arena *scratch, Bounder *b, int task)
{
	const Problem *p = b->p;
	Cut c = {.b = b, .arena = scratch, .task = task, .branch = -1};
	c.nnodes = NFIXED;
	for (int t = 0; t < p->ntasks; t++)
		if (b->side[t] == FREE)
			b->node[t] = c.nnodes++;
	c.flow = flow_create(scratch, c.nnodes + p->nstorages +
	                     p->task[task].nwrites);
	for (int s = 0; s < p->nstorages; s++)
		enter_storage(&c, &p->storage[s]);
	enter_order(&c);
	for (int i = 0; i < p->task[task].nwrites; i++)
		enter_write(&c, p->task[task].write[i]);
	return c;
}

/* ---- the answer ---- */

static void read_side(const Cut *c, bool before[])
{
	const Bounder *b = c->b;
	bool *side = arena_array(c->arena, bool, c->nnodes + b->p->nstorages +
	                         b->p->task[c->task].nwrites);
	flow_side(c->flow, SOURCE, side);
	for (int t = 0; t < b->p->ntasks; t++)
		before[t] = b->side[t] == EARLIER ? t != c->task
		          : b->side[t] == FREE && side[b->node[t]];
}

/* The other readers of what would be written over run before the task. */
static void let_die(Cut *c, const Reuse *u)
{
	const Storage *s = &c->b->p->storage[u->read];
	for (int k = 0; k <= u->more_read; k++)
		for (int i = 0; i < s[k].nreaders; i++)
			if (c->b->side[s[k].reader[i]] == FREE)
				flow_arc(c->flow, SOURCE,
				         c->b->node[s[k].reader[i]], FLOW_MUCH);
}

/* The cheapest of: nothing of the branch's candidates dies, or one does. */
static int64_t try_candidates(Bounder *b, int task, int branch,
                              int64_t branch_free, int64_t best,
                              bool before[], int64_t *work)
{
	const Task *t = &b->p->task[task];
	best += branch_free;
	for (int i = 0; i < t->nreuses; i++) {
		Arena *scratch = arena_create();
		Cut c = cut_create(scratch, b, task);
		const Reuse *u = &t->reuse[i];
		int64_t more = b->p->storage[branch].bytes - c.branch_fixed -
		               reuse_saves(b->p, u);
		if (u->write == branch && may_die(&c, u)) {
			let_die(&c, u);
			int64_t sum = c.fixed + (more > 0 ? more : 0) +
			              flow_maximum(c.flow, SOURCE, SINK, work);
			if (sum < best) {
				best = sum;
				if (*work > 0)
					read_side(&c, before);
			}
		}
		arena_destroy(scratch);
	}
	return best;
}

int64_t bounder_task(Bounder *b, int task, bool before[], int64_t *work)
{
	Arena *scratch = arena_create();
	divide(b, task);
	Cut c = cut_create(scratch, b, task);
	int64_t sum = c.fixed + flow_maximum(c.flow, SOURCE, SINK, work);
	if (*work > 0)
		read_side(&c, before);
	int branch = c.branch;
	int64_t branch_free = c.branch_free;
	arena_destroy(scratch);
	*work -= 8 * (int64_t)b->p->ntasks;
	if (branch >= 0 && *work > 0)
		sum = try_candidates(b, task, branch, branch_free, sum, before,
		                     work);
	return sum;
}

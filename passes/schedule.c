/*
 * Orders of the tasks. Each scheduler is a list scheduler with its own idea of
 * which ready task comes next; the driver measures them all and keeps the best,
 * so none needs to be clever everywhere.
 *
 * What they look at is growth: the bytes that a task adds to the live ones,
 * less those it frees. It only changes when a storage comes down to its last
 * reader, so keeping it up to date costs one step per reader in all.
 */
#include "passes/order.h"

typedef struct Entry {
	int64_t key;
	int task;
	int64_t growth;       /* when it was entered: stale if it changed since */
} Entry;

typedef struct List {
	const Problem *p;
	bool eager;
	uint64_t noise;       /* seed; 0: none */
	int64_t *growth;      /* by task */
	int *waits;           /* by task: predecessors to come; -1: done */
	int *left;            /* by storage: readers to come, */
	int *who;             /*   and the exclusive-or of their numbers */
	int nheap, maxheap;
	Entry *heap;
} List;

/* ---- a heap of ready tasks ---- */

static bool before(const Entry *a, const Entry *b)
{
	return a->key != b->key ? a->key < b->key : a->task < b->task;
}

static void push(List *l, Entry e)
{
	if (l->nheap == l->maxheap) {
		Entry *more = arena_array(l->p->arena, Entry, 2 * l->maxheap);
		for (int i = 0; i < l->nheap; i++)
			more[i] = l->heap[i];
		l->heap = more;
		l->maxheap *= 2;
	}
	int i = l->nheap++;
	for (; i && before(&e, &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		l->heap[i] = l->heap[(i - 1) / 2];
	l->heap[i] = e;
}

static Entry pop(List *l)
{
	Entry top = l->heap[0], e = l->heap[--l->nheap];
	int i = 0;
	for (int c = 1; c < l->nheap; i = c, c = 2 * i + 1) {
		if (c + 1 < l->nheap && before(&l->heap[c + 1], &l->heap[c]))
			c++;
		if (!before(&l->heap[c], &e))
			break;
		l->heap[i] = l->heap[c];
	}
	l->heap[i] = e;
	return top;
}

/* What grows comes up to twice as late: in the order of the graph if eager, of
 * growth else. */
static int64_t with_noise(const List *l, int task)
{
	int64_t scale = l->eager ? l->p->ntasks : l->growth[task];
	int64_t key = l->eager ? task : l->growth[task];
	uint64_t x = l->noise + (uint64_t)task;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return 1 + key + (int64_t)((x >> 40) % 1024) * scale / 1024;
}

/* Eager: what frees memory or costs none comes at once, the rest in the order
 * of the graph. Else: always what adds least. */
static void enter(List *l, int task)
{
	int64_t growth = l->growth[task];
	int64_t key = l->eager && growth > 0 ? 1 : growth;
	if (l->noise && growth > 0)
		key = with_noise(l, task);
	push(l, (Entry){key, task, growth});
}

/* ---- growth ---- */

static bool is_last_reader(const List *l, int storage, int task)
{
	return l->left[storage] == 1 && l->who[storage] == task &&
	       !l->p->storage[storage].output;
}

static int64_t growth_of(const List *l, int task)
{
	const Task *t = &l->p->task[task];
	int64_t growth = 0;
	for (int i = 0; i < t->nwrites; i++) {
		const Storage *s = &l->p->storage[t->write[i]];
		if (s->nreaders || s->output)
			growth += s->bytes;
	}
	for (int i = 0; i < t->nreads; i++)
		if (is_last_reader(l, t->read[i], task))
			growth -= l->p->storage[t->read[i]].bytes;
	return growth;
}

static void update(List *l, int task)
{
	int64_t growth = growth_of(l, task);
	if (growth == l->growth[task])
		return;
	l->growth[task] = growth;
	if (l->waits[task] == 0)
		enter(l, task);
}

static void done(List *l, int task)
{
	const Task *t = &l->p->task[task];
	l->waits[task] = -1;
	for (int i = 0; i < t->nreads; i++) {
		int s = t->read[i];
		l->who[s] ^= task;
		if (--l->left[s] == 1)
			update(l, l->who[s]);
	}
	for (int i = 0; i < t->nafter; i++)
		if (--l->waits[t->after[i]] == 0)
			enter(l, t->after[i]);
}

static List list_create(const Problem *p, bool eager, uint64_t noise)
{
	List l = {
		.p = p, .eager = eager, .noise = noise, .maxheap = 64,
		.growth = arena_array(p->arena, int64_t, p->ntasks),
		.waits = arena_array(p->arena, int, p->ntasks),
		.left = arena_array(p->arena, int, p->nstorages),
		.who = arena_array(p->arena, int, p->nstorages),
		.heap = arena_array(p->arena, Entry, 64),
	};
	for (int s = 0; s < p->nstorages; s++) {
		l.left[s] = p->storage[s].nreaders;
		for (int i = 0; i < l.left[s]; i++)
			l.who[s] ^= p->storage[s].reader[i];
	}
	for (int t = 0; t < p->ntasks; t++) {
		l.waits[t] = p->task[t].nbefore;
		l.growth[t] = growth_of(&l, t);
	}
	return l;
}

static void list_schedule(const Problem *p, bool eager, uint64_t noise,
                          int order[])
{
	List l = list_create(p, eager, noise);
	for (int t = 0; t < p->ntasks; t++)
		if (l.waits[t] == 0)
			enter(&l, t);
	for (int step = 0; step < p->ntasks;) {
		if (!l.nheap)
			BUG("the tasks of '%s' wait for each other",
			    p->graph->name);
		Entry e = pop(&l);
		if (l.waits[e.task] || e.growth != l.growth[e.task])
			continue;
		order[step++] = e.task;
		done(&l, e.task);
	}
}

/* ---- the schedulers ---- */

static void as_given(const Problem *p, int order[])
{
	for (int t = 0; t < p->ntasks; t++)
		order[t] = t;
}

static void eagerly(const Problem *p, int order[])
{
	list_schedule(p, true, 0, order);
}

static void greedily(const Problem *p, int order[])
{
	list_schedule(p, false, 0, order);
}

void schedule_noisy(const Problem *p, uint64_t seed, int order[])
{
	list_schedule(p, seed & 1, (seed + 1) * 0x9e3779b97f4a7c15u, order);
}

Scheduler *const all_schedulers[] = {as_given, eagerly, greedily};
const int nschedulers = 3;

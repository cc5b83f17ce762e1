/*
 * A list scheduler with a budget: it follows an order that is given, takes what
 * frees memory first, and puts off whatever does not fit until it does. So what
 * is large for a moment (a weight's gradient) waits until the rest is small.
 */
#include "passes/order.h"

typedef struct Entry {
	int64_t key;
	int task, version;    /* stale if the task has a later one */
} Entry;

typedef struct Heap {
	int n, max;
	Entry *entry;
} Heap;

typedef struct Ready {
	const Problem *p;
	Arena *arena;
	Walk *walk;
	int64_t limit;
	int *rank;            /* by task: step in the given order */
	int *version;         /* by task; -1: has run */
	int *who;             /* by storage: exclusive-or of the readers to come */
	Heap open, parked;    /* parked: by bytes that they need on top */
} Ready;

/* ---- a heap ---- */

static bool before(const Entry *a, const Entry *b)
{
	return a->key != b->key ? a->key < b->key : a->task < b->task;
}

static void push(Arena *a, Heap *h, Entry e)
{
	if (h->n == h->max) {
		Entry *more = arena_array(a, Entry, 2 * h->max + 64);
		for (int i = 0; i < h->n; i++)
			more[i] = h->entry[i];
		h->entry = more;
		h->max = 2 * h->max + 64;
	}
	int i = h->n++;
	for (; i && before(&e, &h->entry[(i - 1) / 2]); i = (i - 1) / 2)
		h->entry[i] = h->entry[(i - 1) / 2];
	h->entry[i] = e;
}

static Entry pop(Heap *h)
{
	Entry top = h->entry[0], e = h->entry[--h->n];
	int i = 0;
	for (int c = 1; c < h->n; i = c, c = 2 * i + 1) {
		if (c + 1 < h->n && before(&h->entry[c + 1], &h->entry[c]))
			c++;
		if (!before(&h->entry[c], &e))
			break;
		h->entry[i] = h->entry[c];
	}
	h->entry[i] = e;
	return top;
}

/* The first that is not stale, or -1. */
static int pop_fresh(const Ready *r, Heap *h)
{
	while (h->n) {
		Entry e = pop(h);
		if (e.version == r->version[e.task])
			return e.task;
	}
	return -1;
}

/* ---- ready tasks ---- */

static void enter(Ready *r, int task)
{
	int64_t growth = walk_growth(r->walk, task);
	int64_t key = growth <= 0 ? growth : 1 + r->rank[task];
	push(r->arena, &r->open, (Entry){key, task, ++r->version[task]});
}

static void run(Ready *r, int task)
{
	const Task *t = &r->p->task[task];
	walk_run(r->walk, task);
	r->version[task] = -1;
	for (int i = 0; i < t->nreads; i++) {
		int s = t->read[i], last = r->who[s] ^= task;
		if (r->walk->left[s] == 1 && !r->walk->waits[last])
			enter(r, last);
	}
	for (int i = 0; i < t->nafter; i++)
		if (!r->walk->waits[t->after[i]] &&
		    !r->version[t->after[i]])
			enter(r, t->after[i]);
}

static bool fits_now(const Ready *r)
{
	return r->parked.n &&
	       r->parked.entry[0].key <= r->limit - r->walk->live;
}

/* The next task: the best that fits, else the smallest. */
static int choose(Ready *r)
{
	if (fits_now(r)) {
		Entry e = pop(&r->parked);
		if (e.version == r->version[e.task])
			enter(r, e.task);
	}
	for (int t; (t = pop_fresh(r, &r->open)) >= 0;) {
		int64_t cost = walk_cost(r->walk, t);
		if (cost <= r->limit)
			return t;
		push(r->arena, &r->parked, (Entry){
			cost - r->walk->live, t, r->version[t]});
	}
	return pop_fresh(r, &r->parked);
}

static Ready ready_create(Arena *a, const Problem *p, const int given[],
                          int64_t limit)
{
	Ready r = {
		.p = p, .arena = a, .walk = walk_create(a, p), .limit = limit,
		.rank = arena_array(a, int, p->ntasks),
		.version = arena_array(a, int, p->ntasks),
		.who = arena_array(a, int, p->nstorages),
	};
	for (int i = 0; i < p->ntasks; i++)
		r.rank[given[i]] = i;
	for (int s = 0; s < p->nstorages; s++)
		for (int i = 0; i < p->storage[s].nreaders; i++)
			r.who[s] ^= p->storage[s].reader[i];
	return r;
}

void schedule_within(const Problem *p, const int given[], int64_t limit,
                     int order[])
{
	Arena *a = arena_create();
	Ready r = ready_create(a, p, given, limit);
	for (int t = 0; t < p->ntasks; t++)
		if (!p->task[t].nbefore)
			enter(&r, t);
	for (int i = 0; i < p->ntasks; i++) {
		order[i] = choose(&r);
		run(&r, order[i]);
	}
	arena_destroy(a);
}

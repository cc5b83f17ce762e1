/*
 * Which tasks to do anew together. A window is worth its time if its decisions
 * depend on each other: neighbours in the graph, neighbours in the order, what
 * lives across one full step, or what is computed again around one place.
 */
#include "ir/splitmix.h"
#include "passes/remat.h"

typedef struct Picker {
	Remat *r;
	const Sequence *q;
	uint64_t *random;
	bool *taken;          /* by task */
	int n, *task;
	int nbits, most;      /* storages */
	int first;            /* task that must stay the first; -1: none */
} Picker;

static int below(Picker *k, int n)
{
	return (int)(splitmix64(k->random) % (uint64_t)n);
}

static int bits_of(const Problem *p, const Task *t)
{
	int n = 0;
	for (int i = 0; i < t->nwrites; i++)
		n += p->storage[t->write[i]].nreaders > 0;
	return n;
}

/* False: the window is full. */
static bool take(Picker *k, int task)
{
	const Problem *p = k->r->p;
	int bits = bits_of(p, &p->task[task]);
	if (k->taken[task] || k->r->fixed[task] || task == k->first ||
	    p->task[task].skipped || !bits)
		return true;
	if (k->nbits + bits > k->most)
		return false;
	k->taken[task] = true;
	k->nbits += bits;
	k->task[k->n++] = task;
	return true;
}

/* Does it keep something for longer than the next few entries, or run twice? */
static bool is_candidate(const Remat *r, int task)
{
	enum { LONG = 3 };
	const Task *t = &r->p->task[task];
	for (int i = 0; i < t->nwrites && !r->fixed[task]; i++) {
		int l = r->latest[t->write[i]];
		if (l >= 0 && (r->life[l].earlier >= 0 ||
		               r->life[l].last - r->life[l].first > LONG))
			return true;
	}
	return false;
}

/* One after the other in the base: all, those that matter, or some of these. */
static void pick_run(Picker *k)
{
	int n = k->r->base.n, at = below(k, n), how = below(k, 4);
	for (int i = 0; i < n; i++) {
		int t = k->r->base.task[(at + i) % n];
		if ((how == 0 || is_candidate(k->r, t)) &&
		    (how < 3 || below(k, 2)) && !take(k, t))
			return;
	}
}

/* A full step: over the target, if one is; else one of the fuller ones. */
static int full_entry(Picker *k)
{
	const Remat *r = k->r;
	int n = k->q->n, best = below(k, n);
	for (int i = 0; i < 6; i++) {
		int e = below(k, n);
		if (r->live[e] > r->live[best])
			best = e;
	}
	return r->excess && below(k, 2) ? r->peak_entry : best;
}

/* What lives across a full step. */
static void pick_across(Picker *k)
{
	const Remat *r = k->r;
	int e = full_entry(k), at = below(k, r->nlives);
	for (int i = 0; i < r->nlives; i++) {
		const Life *l = &r->life[(at + i) % r->nlives];
		int t = r->p->storage[l->storage].writer;
		if (l->first < e && l->last >= e && t >= 0 && !take(k, t))
			return;
	}
}

/* What runs around a full step, or around a repetition. */
static void pick_around(Picker *k)
{
	int n = k->q->n, e = full_entry(k);
	for (int i = 0; i < 8; i++) {
		int other = below(k, n);
		if (k->r->where[k->q->task[other]] != other)
			e = k->r->where[k->q->task[other]];
	}
	for (int i = 0; i < n; i++) {
		int at = e + (i % 2 ? i / 2 + 1 : -(i / 2));
		if (at >= 0 && at < n && !take(k, k->q->task[at]))
			return;
	}
}

static void add_neighbours(const Problem *p, const Task *t, int *n, int list[],
                           int max)
{
	for (int i = 0; i < t->nreads && *n < max; i++)
		if (p->storage[t->read[i]].writer >= 0)
			list[(*n)++] = p->storage[t->read[i]].writer;
	for (int i = 0; i < t->nwrites; i++) {
		const Storage *s = &p->storage[t->write[i]];
		for (int j = 0; j < s->nreaders && *n < max; j++)
			list[(*n)++] = s->reader[j];
	}
}

/* Around one task that matters, in the graph. */
static void pick_patch(Picker *k)
{
	enum { MOST = 512 };
	int list[MOST], n = 0, size = k->r->base.n, at = below(k, size);
	for (int i = 0; i < size && !n; i++) {
		int t = k->r->base.task[(at + i) % size];
		if (is_candidate(k->r, t))
			list[n++] = t;
	}
	while (n) {
		int i = below(k, n), t = list[i];
		bool known = k->taken[t];
		list[i] = list[--n];
		if (!take(k, t))
			return;
		if (!known && k->taken[t])
			add_neighbours(k->r->p, &k->r->p->task[t], &n, list,
			               MOST);
	}
}

/* An input that nobody reads is there while the first entry runs: any other
 * would be dearer there. */
static int first_task(const Remat *r, const Sequence *q)
{
	for (int l = 0; l < r->nsources; l++)
		if (!r->p->storage[r->life[l].storage].nreaders)
			return q->task[0];
	return -1;
}

/* So many that a window takes about as long in long sequences. */
static int storages_for(int n, uint64_t *random)
{
	int most = REMAT_WINDOW;
	while (most > 7 && (int64_t)n << most > 1 << 20)
		most--;
	return most - (int)(splitmix64(random) % 6);
}

int remat_pick(Remat *r, const Sequence *q, uint64_t *random, int task[])
{
	static void (*const pick[])(Picker *) = {pick_run, pick_patch,
	                                         pick_across, pick_around};
	Arena *scratch = arena_create();
	Picker k = {
		.r = r, .q = q, .random = random, .task = task,
		.taken = arena_array(scratch, bool, r->p->ntasks + 1),
		.most = storages_for(q->n, random), .first = first_task(r, q),
	};
	pick[below(&k, 4)](&k);
	arena_destroy(scratch);
	return k.n;
}

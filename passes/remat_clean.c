/*
 * Taking a repetition back is leaving out its entry: its readers get what was
 * there before, which lives longer, and what it read may die earlier. Where
 * measuring each would be too long, those that an estimate finds possible are
 * taken back a few hundred at a time, and only groups of them are measured.
 */
#include "passes/remat.h"

#include <stdlib.h>
#include <string.h>

enum { CLEAN_WORK = 1 << 22 };   /* entries measured, one by one */

typedef struct Repetition {
	int task, which;      /* the which-th entry of the task, from 1 */
	int entry;            /* when it was listed */
	int64_t flops;
} Repetition;

static int dearer(const void *pa, const void *pb)
{
	const Repetition *a = pa, *b = pb;
	if (a->flops != b->flops)
		return a->flops > b->flops ? -1 : 1;
	if (a->task != b->task)
		return a->task - b->task;
	return a->which - b->which;
}

static int list_repetitions(Arena *a, const Remat *r, const Sequence *q,
                            Repetition *list)
{
	int n = 0, *count = arena_array(a, int, r->p->ntasks + 1);
	for (int i = 0; i < q->n; i++) {
		int t = q->task[i];
		if (count[t]++)
			list[n++] = (Repetition){t, count[t], i,
			                         r->p->task[t].cost.flops};
	}
	qsort(list, (size_t)n, sizeof *list, dearer);
	return n;
}

static bool leave_out(const Remat *r, const Sequence *q, const Repetition *e,
                      Sequence *to)
{
	int seen = 0;
	for (int i = 0; i < q->n; i++)
		if (q->task[i] == e->task && ++seen == e->which) {
			size_t size = sizeof *to->task;
			memcpy(to->task, q->task, size * (size_t)i);
			memcpy(to->task + i, q->task + i + 1,
			       size * (size_t)(q->n - i - 1));
			to->n = q->n - 1;
			sequence_prune(r, to);
			return true;
		}
	return false;
}

static bool clean_once(Remat *r, Sequence *q, Sequence *other)
{
	Arena *scratch = arena_create();
	Repetition *list = arena_array(scratch, Repetition, q->n + 1);
	int n = list_repetitions(scratch, r, q, list);
	bool changed = false;
	remat_measure(r, q);
	int64_t excess = r->excess, flops = r->flops;
	int64_t end = r->work + CLEAN_WORK;
	for (int i = 0; i < n && r->work < end; i++) {
		if (!leave_out(r, q, &list[i], other))
			continue;
		remat_measure(r, other);
		if (r->excess > excess || r->flops > flops)
			continue;
		excess = r->excess;
		flops = r->flops;
		sequence_copy(q, other);
		changed = true;
	}
	arena_destroy(scratch);
	return changed;
}

/* ---- in groups ---- */

typedef struct Group {
	Remat *r;
	const Sequence *q;
	int *before;          /* by read: the access in front of it */
	bool *touched;        /* by storage */
	bool *out;            /* by entry */
	int64_t *change;      /* by entry, of its bytes; zero between two uses */
} Group;

/* By read of each entry, as r->source: the entry that had it before. */
static int *find_accesses(Arena *a, const Remat *r, const Sequence *q)
{
	const Problem *p = r->p;
	int *access = arena_array(a, int, r->nlives + 1);
	int *before = arena_array(a, int, r->reads[q->n] + 1);
	for (int l = 0; l < r->nlives; l++)
		access[l] = r->life[l].first;
	for (int i = 0; i < q->n; i++)
		for (int k = 0; k < p->task[q->task[i]].nreads; k++) {
			int at = r->reads[i] + k, l = r->source[at];
			if (l < 0)
				continue;
			before[at] = access[l];
			access[l] = i;
		}
	return before;
}

static int life_at(const Remat *r, int storage, int entry)
{
	int l = r->latest[storage];
	while (l >= 0 && r->life[l].first > entry)
		l = r->life[l].earlier;
	return l;
}

static bool is_touched(const Group *g, const Task *t)
{
	for (int k = 0; k < t->nwrites; k++)
		if (g->touched[t->write[k]])
			return true;
	for (int k = 0; k < t->nreads; k++)
		if (g->touched[t->read[k]])
			return true;
	return false;
}

static void touch(const Group *g, const Task *t)
{
	for (int k = 0; k < t->nwrites; k++)
		g->touched[t->write[k]] = true;
	for (int k = 0; k < t->nreads; k++)
		g->touched[t->read[k]] = true;
}

static void change(const Group *g, int from, int to, int64_t bytes)
{
	for (int i = from; i < to; i++)
		g->change[i] += bytes;
}

/* The last entry that has all of the life's bytes: its last reader may write
 * over it. */
static int last_kept(const Group *g, const Life *life)
{
	const Task *t = &g->r->p->task[g->q->task[life->last]];
	for (int k = 0; k < t->nreuses; k++)
		if (t->reuse[k].read == life->storage)
			return life->last - 1;
	return life->last;
}

static int last_before(const Group *g, int storage, int entry)
{
	const Remat *r = g->r;
	const Life *l = &r->life[life_at(r, storage, entry)];
	return last_kept(g, &r->life[l->earlier]);
}

/* Where the first of what it reads may die earlier. */
static int first_freed(const Group *g, int entry)
{
	const Remat *r = g->r;
	int first = entry;
	for (int at = r->reads[entry]; at < r->reads[entry + 1]; at++)
		if (r->source[at] >= 0 &&
		    r->life[r->source[at]].last == entry &&
		    g->before[at] + 1 < first)
			first = g->before[at] + 1;
	return first;
}

/* Is there room for the results up to where anything dies earlier? The rest
 * takes longer to find out. */
static bool may_fit(const Group *g, int entry)
{
	const Problem *p = g->r->p;
	const Task *t = &p->task[g->q->task[entry]];
	int to = first_freed(g, entry);
	for (int k = 0; k < t->nwrites; k++) {
		int64_t bytes = p->storage[t->write[k]].bytes;
		if (bytes && !remat_fits(g->r, last_before(g, t->write[k],
		                                           entry) + 1,
		                         to, bytes))
			return false;
	}
	return true;
}

/* Notes what every entry up to this one would have more or less; returns the
 * first that would. */
static int note_changes(const Group *g, int entry)
{
	const Remat *r = g->r;
	const Problem *p = r->p;
	const Task *t = &p->task[g->q->task[entry]];
	int first = first_freed(g, entry);
	for (int k = 0; k < t->nwrites; k++) {
		int64_t bytes = p->storage[t->write[k]].bytes;
		int from = last_before(g, t->write[k], entry) + 1;
		if (!bytes)
			continue;
		change(g, from, entry, bytes);
		first = from < first ? from : first;
	}
	for (int k = 0; k < t->nreads; k++) {
		int at = r->reads[entry] + k, l = r->source[at];
		if (l >= 0 && r->life[l].last == entry)
			change(g, g->before[at] + 1, entry,
			       -p->storage[t->read[k]].bytes);
	}
	return first;
}

/* Takes it out if that puts nothing over the target. */
static bool consider(const Group *g, int entry)
{
	const Task *t = &g->r->p->task[g->q->task[entry]];
	int64_t *live = g->r->live;
	if (is_touched(g, t) || !may_fit(g, entry))
		return false;
	int first = note_changes(g, entry);
	bool good = true;
	for (int i = first; i < entry && good; i++)
		good = g->change[i] <= 0 ||
		       live[i] + g->change[i] <= g->r->target;
	for (int i = first; i < entry; i++) {
		live[i] += good ? g->change[i] : 0;
		g->change[i] = 0;
	}
	g->r->work += (entry - first) / REMAT_BLOCK;
	if (good) {
		g->out[entry] = true;
		touch(g, t);
	}
	return good;
}

/* Leaves out what `out` says; of the repetitions. */
static void leave_out_all(const Group *g, Sequence *to)
{
	to->n = 0;
	for (int i = 0; i < g->q->n; i++)
		if (!g->out[i])
			to->task[to->n++] = g->q->task[i];
	sequence_prune(g->r, to);
}

/* At most that many; returns how many were tried, as they are in *to. */
static int try_group(Remat *r, const Sequence *q, int most, Sequence *to)
{
	Arena *a = arena_create();
	Repetition *list = arena_array(a, Repetition, q->n + 1);
	int n = list_repetitions(a, r, q, list), taken = 0;
	Group g = {
		.r = r, .q = q, .before = find_accesses(a, r, q),
		.touched = arena_array(a, bool, r->p->nstorages + 1),
		.out = arena_array(a, bool, q->n + 1),
		.change = arena_array(a, int64_t, q->n + 1),
	};
	for (int i = 0; i < n && taken < most; i++)
		taken += consider(&g, list[i].entry);
	leave_out_all(&g, to);
	arena_destroy(a);
	return taken;
}

/* As long as an estimate finds any that measuring does not refute. */
static void clean_groups(Remat *r, Sequence *q, Sequence *other)
{
	int most = q->n;
	while (most > 0) {
		remat_measure(r, q);
		int64_t excess = r->excess, flops = r->flops;
		int taken = try_group(r, q, most, other);
		if (!taken)
			return;
		remat_measure(r, other);
		if (r->excess <= excess && r->flops <= flops)
			sequence_copy(q, other);
		else
			most = taken / 2;
	}
}

static bool is_long(const Remat *r, const Sequence *q)
{
	return (int64_t)(q->n - r->base.n) * q->n > CLEAN_WORK;
}

void remat_clean(Remat *r, Sequence *q)
{
	enum { TIMES = 3 };
	Sequence other = sequence_create(r);
	if (is_long(r, q))
		clean_groups(r, q, &other);
	for (int i = 0; i < TIMES && clean_once(r, q, &other); i++)
		;
}

/*
 * Changes of a sequence. A value is dropped by computing it again, just before
 * its next reader, with all that this needs and that is not there any more: the
 * reader then gets the new one, and the old one dies earlier. Taking a
 * repetition back is leaving out its entry: its readers get what was there
 * before, which lives longer.
 */
#include "passes/remat.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 200, MAX_TASKS = 600 };

/* What has to run again. */
typedef struct Closure {
	Remat *r;
	const Sequence *q;
	int before;           /* entry */
	int64_t bytes;        /* of what is dropped */
	int small;            /* what has 1/small of these is rather kept */
	int n, *task;         /* in the order in which they can run */
	int *seen, stamp;     /* by storage */
	int64_t flops;
	bool possible;
} Closure;

/* Its inputs are as they were: no variable it reads was replaced. */
static bool may_repeat(const Closure *c, int task)
{
	const Remat *r = c->r;
	const Task *t = &r->p->task[task];
	for (int i = 0; i < t->nreads; i++) {
		int by = r->replaced_by[t->read[i]];
		if (by >= 0 && r->where[by] < c->before)
			return false;
	}
	return !r->fixed[task];
}

static bool fits_between(const Remat *r, int from, int to, int64_t bytes)
{
	for (int i = from; i < to; i++)
		if (r->live[i] + bytes > r->target)
			return false;
	return true;
}

static const Life *life_before(const Remat *r, int storage, int entry)
{
	int l = r->latest[storage];
	while (l >= 0 && r->life[l].first >= entry)
		l = r->life[l].earlier;
	return l < 0 ? NULL : &r->life[l];
}

/* There, or better kept until there than computed again? */
static bool is_kept(const Closure *c, int s, int depth)
{
	const Remat *r = c->r;
	const Storage *st = &r->p->storage[s];
	const Life *l = life_before(r, s, c->before);
	if (!l)
		return st->writer < 0 || st->region != REGION_ARENA;
	return l->last >= c->before || st->writer < 0 ||
	       depth > MAX_DEPTH || c->n >= MAX_TASKS ||
	       st->bytes * c->small <= c->bytes ||
	       !may_repeat(c, st->writer) ||
	       fits_between(r, l->last + 1, c->before, st->bytes);
}

static void repeat(Closure *c, int task, int depth)
{
	const Task *t = &c->r->p->task[task];
	for (int i = 0; i < t->nwrites; i++)
		c->seen[t->write[i]] = c->stamp;
	for (int i = 0; i < t->nreads; i++) {
		int s = t->read[i];
		if (c->seen[s] == c->stamp)
			continue;
		c->seen[s] = c->stamp;
		if (!is_kept(c, s, depth))
			repeat(c, c->r->p->storage[s].writer, depth + 1);
	}
	c->possible &= c->n < MAX_TASKS && may_repeat(c, task);
	c->task[c->n++] = task;
	c->flops += t->cost.flops;
}

static Closure closure_create(Arena *a, Remat *r, const Sequence *q)
{
	return (Closure){
		.r = r, .q = q,
		.task = arena_array(a, int, r->p->ntasks + MAX_TASKS),
		.seen = arena_array(a, int, r->p->nstorages + 1),
	};
}

/* False: it may not be computed again there. */
static bool close_over(Closure *c, int storage, int before, bool frugal)
{
	const Storage *st = &c->r->p->storage[storage];
	c->before = before;
	c->bytes = st->bytes;
	c->small = frugal ? 2 : 16;
	c->n = 0;
	c->flops = 0;
	c->stamp++;
	if (st->writer < 0 || !may_repeat(c, st->writer))
		return false;
	c->possible = true;
	repeat(c, st->writer, 0);
	return c->possible;
}

/* ---- dropping ---- */

/* The accesses nearest to an entry, by storage. */
typedef struct Near {
	int *previous, *next;   /* next: read; -1: none before it is written */
} Near;

static void note(int *near, int storage, int entry)
{
	if (near[storage] == -1)
		near[storage] = entry;
}

static Near find_near(Arena *a, const Remat *r, const Sequence *q, int at)
{
	enum { NEVER = -2 };
	const Problem *p = r->p;
	Near near = {arena_array(a, int, p->nstorages + 1),
	             arena_array(a, int, p->nstorages + 1)};
	for (int s = 0; s < p->nstorages; s++)
		near.previous[s] = near.next[s] = -1;
	const Task *here = &p->task[q->task[at]];
	for (int k = 0; k < here->nreads; k++)
		near.next[here->read[k]] = NEVER;
	for (int k = 0; k < here->nwrites; k++)
		near.next[here->write[k]] = NEVER;
	for (int i = at + 1; i < q->n; i++) {
		const Task *t = &p->task[q->task[i]];
		for (int k = 0; k < t->nreads; k++)
			note(near.next, t->read[k], i);
		for (int k = 0; k < t->nwrites; k++)
			note(near.next, t->write[k], NEVER);
	}
	for (int i = at - 1; i >= 0; i--) {
		const Task *t = &p->task[q->task[i]];
		for (int k = 0; k < t->nreads; k++)
			note(near.previous, t->read[k], i);
		for (int k = 0; k < t->nwrites; k++)
			note(near.previous, t->write[k], i);
	}
	return near;
}

static double relief(const Remat *r, int from, int to, int64_t bytes)
{
	double sum = 0;
	for (int i = from; i < to; i++) {
		int64_t over = r->live[i] - r->target;
		if (over > 0)
			sum += (double)(over < bytes ? over : bytes);
	}
	return sum;
}

static int keep_best(Drop drop[], int n, int max, Drop d)
{
	int i = n < max ? n : max - 1;
	if (n == max && drop[i].score <= d.score)
		return n;
	for (; i > 0 && drop[i - 1].score > d.score; i--)
		drop[i] = drop[i - 1];
	drop[i] = d;
	return n < max ? n + 1 : n;
}

int remat_drops(Remat *r, const Sequence *q, int at, Drop drop[], int max)
{
	Arena *scratch = arena_create();
	Near near = find_near(scratch, r, q, at);
	Closure c = closure_create(scratch, r, q);
	int n = 0;
	for (int s = 0; s < r->p->nstorages; s++) {
		int64_t bytes = r->p->storage[s].bytes;
		if (near.next[s] < 0 || bytes == 0 ||
		    !close_over(&c, s, near.next[s], false))
			continue;
		double freed = relief(r, near.previous[s] + 1, near.next[s],
		                      bytes);
		if (freed > 0)
			n = keep_best(drop, n, max, (Drop){
				s, near.next[s],
				(double)(c.flops + 1) / freed});
	}
	arena_destroy(scratch);
	return n;
}

bool remat_drop(Remat *r, const Sequence *q, const Drop *d, bool frugal,
                Sequence *to)
{
	Arena *scratch = arena_create();
	Closure c = closure_create(scratch, r, q);
	bool good = close_over(&c, d->storage, d->before, frugal) &&
	            q->n + c.n <= r->max;
	if (good) {
		size_t size = sizeof *to->task;
		int rest = q->n - d->before;
		memcpy(to->task, q->task, size * (size_t)d->before);
		memcpy(to->task + d->before, c.task, size * (size_t)c.n);
		memcpy(to->task + d->before + c.n, q->task + d->before,
		       size * (size_t)rest);
		to->n = q->n + c.n;
		sequence_prune(r, to);
	}
	arena_destroy(scratch);
	return good;
}

/* ---- taking back ---- */

typedef struct Repetition {
	int task, which;      /* the which-th entry of the task, from 1 */
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
			list[n++] = (Repetition){t, count[t],
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
	for (int i = 0; i < n; i++) {
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

void remat_clean(Remat *r, Sequence *q)
{
	enum { TIMES = 3 };
	Sequence other = sequence_create(r);
	for (int i = 0; i < TIMES && clean_once(r, q, &other); i++)
		;
}

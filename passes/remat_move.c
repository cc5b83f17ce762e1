/*
 * A value is dropped by computing it again, just before its next reader, with
 * all that this needs and that is not there any more: the reader then gets the
 * new one, and the old one dies earlier.
 *
 * In a short sequence the drops at one step are weighed; in a long one those of
 * all steps are, and many made between two measurements.
 */
#include "passes/remat.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 200, MAX_TASKS = 600 };

/* ---- over the target ---- */

/* Of entries in front of one. */
typedef struct Over {
	int64_t *count, *bytes;   /* that are over the target, and how much */
} Over;

static Over find_over(Arena *a, const Remat *r, int n)
{
	Over o = {arena_array(a, int64_t, n + 1),
	          arena_array(a, int64_t, n + 1)};
	for (int i = 0; i < n; i++) {
		int64_t over = r->live[i] - r->target;
		o.count[i + 1] = o.count[i] + (over > 0);
		o.bytes[i + 1] = o.bytes[i] + (over > 0 ? over : 0);
	}
	return o;
}

/* Of so many bytes that come or go, at most so many over the target. */
static int64_t bytes_over(const Over *o, int from, int to, int64_t bytes)
{
	int64_t over = o->bytes[to] - o->bytes[from];
	int64_t count = o->count[to] - o->count[from];
	return !count || over / count < bytes ? over : count * bytes;
}

/* ---- what has to run again ---- */

typedef struct Closure {
	Remat *r;
	const Sequence *q;
	int before;           /* entry */
	int64_t bytes;        /* of what is dropped */
	int small;            /* what has 1/small of these is rather kept */
	int n, *task;         /* in the order in which they can run */
	int *seen, stamp;     /* by storage */
	int64_t flops;
	const Over *over;     /* NULL: nobody asks what follows */
	int64_t more;         /* bytes over the target: what is kept longer, and
	                       * what runs again where it is full; about */
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
	       remat_fits(r, l->last + 1, c->before, st->bytes);
}

static void hold(Closure *c, int s)
{
	const Life *l = life_before(c->r, s, c->before);
	if (c->over && l && l->last < c->before)
		c->more += bytes_over(c->over, l->last + 1, c->before,
		                      c->r->p->storage[s].bytes);
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
		if (is_kept(c, s, depth))
			hold(c, s);
		else
			repeat(c, c->r->p->storage[s].writer, depth + 1);
	}
	c->possible &= c->n < MAX_TASKS && may_repeat(c, task);
	c->task[c->n++] = task;
	c->flops += t->cost.flops;
	if (c->over)
		c->more += bytes_over(c->over, c->before, c->before + 1,
		                      INT64_MAX);
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
	c->flops = c->more = 0;
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

/* ---- many at once ---- */

/* Between two accesses of a storage: there it need not be kept. */
typedef struct Gap {
	int storage, from, before;
	int64_t freed;        /* bytes over the target, over all entries; about */
	double score;         /* as a drop's */
} Gap;

static bool enter_gap(const Remat *r, const Over *o, Gap *g)
{
	const Storage *s = &r->p->storage[g->storage];
	if (g->from < 0 || s->writer < 0 || r->fixed[s->writer])
		return false;
	g->freed = bytes_over(o, g->from + 1, g->before, s->bytes);
	if (!g->freed)
		return false;
	g->score = (double)(r->p->task[s->writer].cost.flops + 1) /
	           (double)g->freed;
	return true;
}

static int better_gap(const void *pa, const void *pb)
{
	const Gap *a = pa, *b = pb;
	if (a->score != b->score)
		return a->score < b->score ? -1 : 1;
	return a->before != b->before ? a->before - b->before
	                              : a->storage - b->storage;
}

/* All gaps, by what computing the storage alone would cost. */
static int list_gaps(Arena *a, const Remat *r, const Sequence *q,
                     const Over *over, Gap gap[])
{
	const Problem *p = r->p;
	int n = 0, *access = arena_array(a, int, p->nstorages + 1);
	for (int s = 0; s < p->nstorages; s++)
		access[s] = -1;
	for (int i = 0; i < q->n; i++) {
		const Task *t = &p->task[q->task[i]];
		for (int k = 0; k < t->nreads; k++) {
			gap[n] = (Gap){t->read[k], access[t->read[k]], i, 0, 0};
			n += enter_gap(r, over, &gap[n]);
			access[t->read[k]] = i;
		}
		for (int k = 0; k < t->nwrites; k++)
			access[t->write[k]] = i;
	}
	qsort(gap, (size_t)n, sizeof *gap, better_gap);
	return n;
}

static int enter_best(Gap best[], int n, int most, const Gap *g)
{
	int i = n < most ? n : most - 1;
	if (n == most && better_gap(&best[i], g) <= 0)
		return n;
	for (; i > 0 && better_gap(g, &best[i - 1]) < 0; i--)
		best[i] = best[i - 1];
	best[i] = *g;
	return n < most ? n + 1 : n;
}

/* The best by what they really cost, which is no less than what they were
 * listed with. */
static int weigh_gaps(Closure *c, const Gap gap[], int n, Gap best[], int most)
{
	int kept = 0;
	for (int i = 0; i < n; i++) {
		Gap g = gap[i];
		if (kept == most && g.score >= best[kept - 1].score)
			break;
		if (!close_over(c, g.storage, g.before, false) ||
		    c->more >= g.freed)
			continue;
		g.score = (double)(c->flops + 1) / (double)(g.freed - c->more);
		kept = enter_best(best, kept, most, &g);
	}
	return kept;
}

/* Tasks to put in front of an entry. */
typedef struct Splice {
	int before, n, *task;
} Splice;

typedef struct Many {
	Remat *r;
	Arena *arena;
	Closure closure;
	enum { UNTOUCHED, READ, WRITTEN } *touched;   /* by storage */
	int nsplices, most, added;
	Splice *splice;
} Many;

/* Does the closure read only what no other one computes again, and compute
 * again only what no other one touches? */
static bool is_apart(const Many *m)
{
	const Closure *c = &m->closure;
	for (int i = 0; i < c->n; i++) {
		const Task *t = &m->r->p->task[c->task[i]];
		for (int k = 0; k < t->nwrites; k++)
			if (m->touched[t->write[k]] != UNTOUCHED)
				return false;
		for (int k = 0; k < t->nreads; k++)
			if (m->touched[t->read[k]] == WRITTEN)
				return false;
	}
	return true;
}

static void touch(Many *m, const Closure *c)
{
	for (int i = 0; i < c->n; i++) {
		const Task *t = &m->r->p->task[c->task[i]];
		for (int k = 0; k < t->nreads; k++)
			if (m->touched[t->read[k]] == UNTOUCHED)
				m->touched[t->read[k]] = READ;
		for (int k = 0; k < t->nwrites; k++)
			m->touched[t->write[k]] = WRITTEN;
	}
}

/* Takes the gap if it still frees about what was thought. */
static void take_gap(Many *m, const Gap *g, int room)
{
	Remat *r = m->r;
	Closure *c = &m->closure;
	int64_t bytes = r->p->storage[g->storage].bytes;
	double freed = relief(r, g->from + 1, g->before, bytes);
	if (2 * freed < (double)g->freed ||
	    !close_over(c, g->storage, g->before, false) || !is_apart(m) ||
	    m->added + c->n > room)
		return;
	touch(m, c);
	for (int i = g->from + 1; i < g->before; i++)
		r->live[i] -= bytes;
	Splice *s = &m->splice[m->nsplices++];
	*s = (Splice){g->before, c->n, arena_array(m->arena, int, c->n)};
	memcpy(s->task, c->task, sizeof *s->task * (size_t)c->n);
	m->added += c->n;
}

static int by_entry(const void *pa, const void *pb)
{
	const Splice *a = pa, *b = pb;
	return a->before != b->before ? a->before - b->before
	                              : a->task[a->n - 1] - b->task[b->n - 1];
}

static void splice(const Many *m, const Sequence *q, Sequence *to)
{
	const Splice *s = m->splice, *end = s + m->nsplices;
	to->n = 0;
	for (int i = 0; i < q->n; i++) {
		for (; s < end && s->before == i; s++) {
			memcpy(to->task + to->n, s->task,
			       sizeof *to->task * (size_t)s->n);
			to->n += s->n;
		}
		to->task[to->n++] = q->task[i];
	}
}

static int count_reads(const Problem *p, const Sequence *q)
{
	int n = 0;
	for (int i = 0; i < q->n; i++)
		n += p->task[q->task[i]].nreads;
	return n;
}

bool remat_drop_many(Remat *r, const Sequence *q, int most, Sequence *to)
{
	enum { CHOICE = 4 };      /* of the best, for each that is made */
	Arena *a = arena_create();
	Many m = {
		.r = r, .arena = a, .closure = closure_create(a, r, q),
		.touched = arena_calloc(a, (size_t)r->p->nstorages + 1,
		                        sizeof *m.touched),
		.splice = arena_array(a, Splice, most),
	};
	Gap *gap = arena_array(a, Gap, count_reads(r->p, q) + 1);
	Gap *best = arena_array(a, Gap, CHOICE * most);
	Over over = find_over(a, r, q->n);
	m.closure.over = &over;
	int n = list_gaps(a, r, q, &over, gap);
	n = weigh_gaps(&m.closure, gap, n, best, CHOICE * most);
	for (int i = 0; i < n && m.nsplices < most; i++)
		take_gap(&m, &best[i], r->max - q->n);
	qsort(m.splice, (size_t)m.nsplices, sizeof *m.splice, by_entry);
	splice(&m, q, to);
	r->work += q->n;
	bool any = m.nsplices > 0;
	arena_destroy(a);
	if (any)
		sequence_prune(r, to);
	return any;
}

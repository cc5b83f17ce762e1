/*
 * The search for recomputations. Descent: at the fullest step, of the values
 * that live across it, drop the one that takes most bytes off what is over the
 * target for the fewest operations, until nothing is; then take back what turns
 * out not to be needed. It starts from the plain order and from checkpointed
 * segments. What is good is polished: windows of it are done anew, exactly. The
 * best is partly undone, descends and is polished again, many times.
 * All costs are those of whole sequences, measured; its clock counts entries.
 */
#include "ir/splitmix.h"
#include "passes/remat.h"

#include <math.h>
#include <string.h>

enum {
	TRIES = 10,            /* drops that are measured at each step */
	WEIGHED = 1024,        /* entries: in longer sequences, many at once */
	STALE = 5000000,       /* work without anything better that ends it, */
	STALE_SHARE = 4,       /*   and times what it took until then */
};

typedef struct Search {
	Remat *r;
	int64_t begin, most;  /* of the work */
	int64_t end;          /*   if nothing better is found */
	int64_t plain;        /* operations if nothing runs twice */
	Sequence now, other, next;   /* of a descent */
	Sequence best;
	bool found;           /* best has nothing over the target */
	int64_t flops, excess, peak;   /* of the best */
	uint64_t random;
} Search;

/* ---- descent ---- */

/* Leaves the best drop's sequence in `next`. */
static bool best_drop(Search *s, int tries)
{
	enum { MOST = 256 };
	Remat *r = s->r;
	Drop drop[MOST];
	int64_t excess = r->excess, flops = r->flops;
	double best = INFINITY;
	int n = remat_drops(r, &s->now, r->peak_entry, drop, tries);
	for (int i = 0; i < 2 * n; i++) {
		remat_measure(r, &s->now);
		if (!remat_drop(r, &s->now, &drop[i / 2], i % 2, &s->other))
			continue;
		remat_measure(r, &s->other);
		double gain = (double)(excess - r->excess);
		double cost = (double)(r->flops - flops);
		if (gain <= 0)
			continue;
		double score = cost > 0 ? cost / gain : cost;
		if (score >= best)
			continue;
		best = score;
		sequence_copy(&s->next, &s->other);
	}
	return best < INFINITY;
}

/* Leaves in `next` what is better by many drops. */
static bool many_drops(Search *s, int many)
{
	Remat *r = s->r;
	int64_t excess = r->excess;
	if (!remat_drop_many(r, &s->now, many, &s->next))
		return false;
	remat_measure(r, &s->next);
	return r->excess < excess;
}

/* The next sequence of the descent, in `next`; false: stuck. */
static bool find_next(Search *s)
{
	for (int many = s->now.n / WEIGHED; many; many /= 2) {
		if (many_drops(s, many))
			return true;
		remat_measure(s->r, &s->now);
	}
	if (best_drop(s, TRIES))
		return true;
	remat_measure(s->r, &s->now);
	return best_drop(s, 25 * TRIES);
}

/* Until nothing in `now` is over the target, or it is stuck. */
static void descend(Search *s)
{
	remat_measure(s->r, &s->now);
	while (s->r->excess && find_next(s)) {
		Sequence swap = s->now;
		s->now = s->next;
		s->next = swap;
		remat_measure(s->r, &s->now);
	}
}

static bool is_better(const Search *s, bool found)
{
	const Remat *r = s->r;
	if (found != s->found)
		return found;
	if (found)
		return r->flops < s->flops;
	return r->peak < s->peak;
}

/* ---- windows ---- */

/* One window of `now` done anew: is it better? */
static bool try_window(Search *s)
{
	Remat *r = s->r;
	int task[REMAT_WINDOW];
	remat_measure(r, &s->now);
	int64_t excess = r->excess, flops = r->flops;
	int n = remat_pick(r, &s->now, &s->random, task);
	if (!n || !remat_window(r, &s->now, n, task, &s->other))
		return false;
	remat_measure(r, &s->other);
	if (r->excess > excess || (r->excess == excess && r->flops > flops))
		return false;
	sequence_copy(&s->now, &s->other);
	return r->excess < excess || r->flops < flops;
}

/* Until so many windows in a row bring nothing. */
static void polish(Search *s, int patience)
{
	for (int i = 0; i < patience && s->r->work < s->end; i++)
		if (try_window(s))
			i = -1;
}

/* Is `now`, just measured, better than the best or not much worse? */
static bool is_promising(const Search *s)
{
	const Remat *r = s->r;
	if (!s->best.n || !s->found)
		return true;
	return r->excess == 0 &&
	       r->flops <= s->flops + (s->flops - s->plain) / 10;
}

/* Something better was found. */
static void go_on(Search *s)
{
	int64_t used = s->r->work - s->begin;
	int64_t end = used + STALE + STALE_SHARE * used;
	s->end = s->begin + (end < s->most ? end : s->most);
}

/* Takes `now`, improved, as the best if it is that. */
static bool offer(Search *s, int patience)
{
	descend(s);
	remat_clean(s->r, &s->now);
	remat_measure(s->r, &s->now);
	if (is_promising(s))
		polish(s, patience);
	remat_measure(s->r, &s->now);
	bool found = s->r->excess == 0;
	if (s->best.n && !is_better(s, found))
		return false;
	s->found = found;
	s->flops = s->r->flops;
	s->excess = s->r->excess;
	s->peak = s->r->peak;
	sequence_copy(&s->best, &s->now);
	go_on(s);
	return true;
}

/* ---- undoing a part ---- */

/* All repetitions between two entries, or some of all. */
static void undo(Search *s)
{
	const Remat *r = s->r;
	Arena *scratch = arena_create();
	int *count = arena_array(scratch, int, r->p->ntasks + 1);
	int n = s->best.n, kept = 0;
	int from = (int)(splitmix64(&s->random) % (uint64_t)n);
	int length = n / (2 << splitmix64(&s->random) % 5) + 1;
	int share = (int)(splitmix64(&s->random) % 3);
	for (int i = 0; i < n; i++) {
		int t = s->best.task[i];
		bool out = share ? i >= from && i < from + length
		                 : splitmix64(&s->random) % 5 == 0;
		if (!count[t]++ || !out)
			s->now.task[kept++] = t;
	}
	s->now.n = kept;
	sequence_prune(r, &s->now);
	arena_destroy(scratch);
}

static void start_from_segments(Search *s)
{
	enum { MOST_CUTS = 40 };
	for (int n = 2; n < MOST_CUTS && s->r->work < s->end; n += 1 + n / 4)
		if (remat_segments(s->r, n, &s->now))
			offer(s, 0);
}

static void improve(Search *s)
{
	enum { PATIENCE = 60, LONG = 40, SHORT = 8 };
	sequence_copy(&s->now, &s->best);
	offer(s, LONG);
	for (int i = 0; i < PATIENCE && s->r->work < s->end; i++) {
		undo(s);
		if (offer(s, SHORT))
			i = -1;
	}
}

bool remat_search(Remat *r, int64_t target, int64_t effort, Sequence *to)
{
	Search s = {
		.r = r, .begin = r->work, .most = effort,
		.end = r->work + effort,
		.now = sequence_create(r), .other = sequence_create(r),
		.next = sequence_create(r), .best = sequence_create(r),
	};
	r->target = target;
	remat_measure(r, &r->base);
	s.plain = r->flops;
	sequence_copy(&s.now, &r->base);
	offer(&s, 0);
	if (!s.found || s.flops > s.plain)
		start_from_segments(&s);
	if (!s.found || s.flops > s.plain)
		improve(&s);
	sequence_copy(to, &s.best);
	remat_measure(r, to);
	return s.found;
}

/*
 * The search for recomputations. Descent: at the fullest step, of the values
 * that live across it, drop the one that takes most bytes off what is over the
 * target for the fewest operations, until nothing is; then take back what turns
 * out not to be needed. It starts from the plain order and from checkpointed
 * segments; the best result is partly undone and descends again, many times.
 * All costs are those of whole sequences, measured; its clock counts entries.
 */
#include "passes/remat.h"

#include <math.h>
#include <string.h>

enum { TRIES = 10 };       /* drops that are measured at each step */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

typedef struct Search {
	Remat *r;
	int64_t end;          /* of the work */
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

/* Until nothing in `now` is over the target; false: stuck. */
static bool descend(Search *s)
{
	for (;;) {
		remat_measure(s->r, &s->now);
		if (s->r->excess == 0)
			return true;
		if (!best_drop(s, TRIES)) {
			remat_measure(s->r, &s->now);
			if (!best_drop(s, 25 * TRIES))
				break;
		}
		Sequence swap = s->now;
		s->now = s->next;
		s->next = swap;
	}
	remat_measure(s->r, &s->now);
	return false;
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

/* Offers `now` as the best. */
static bool offer(Search *s)
{
	bool found = descend(s);
	if (found)
		remat_clean(s->r, &s->now);
	remat_measure(s->r, &s->now);
	if (s->best.n && !is_better(s, found))
		return false;
	s->found = found;
	s->flops = s->r->flops;
	s->excess = s->r->excess;
	s->peak = s->r->peak;
	sequence_copy(&s->best, &s->now);
	return true;
}

/* ---- undoing a part ---- */

/* All repetitions between two entries, or some of all. */
static void undo(Search *s)
{
	const Remat *r = s->r;
	int *count = arena_array(r->arena, int, r->p->ntasks + 1);
	int n = s->best.n, kept = 0;
	int from = (int)(next_random(&s->random) % (uint64_t)n);
	int length = n / (2 << next_random(&s->random) % 5) + 1;
	int share = (int)(next_random(&s->random) % 3);
	for (int i = 0; i < n; i++) {
		int t = s->best.task[i];
		bool out = share ? i >= from && i < from + length
		                 : next_random(&s->random) % 5 == 0;
		if (!count[t]++ || !out)
			s->now.task[kept++] = t;
	}
	s->now.n = kept;
	sequence_prune(r, &s->now);
}

static void start_from_segments(Search *s)
{
	enum { MOST_CUTS = 40 };
	for (int n = 2; n < MOST_CUTS && s->r->work < s->end; n += 1 + n / 4)
		if (remat_segments(s->r, n, &s->now))
			offer(s);
}

static void improve(Search *s)
{
	enum { PATIENCE = 60 };
	for (int i = 0; i < PATIENCE && s->r->work < s->end; i++) {
		undo(s);
		if (offer(s))
			i = -1;
	}
}

bool remat_search(Remat *r, int64_t target, int64_t effort, Sequence *to)
{
	Search s = {
		.r = r, .end = r->work + effort,
		.now = sequence_create(r), .other = sequence_create(r),
		.next = sequence_create(r), .best = sequence_create(r),
	};
	r->target = target;
	sequence_copy(&s.now, &r->base);
	offer(&s);
	remat_measure(r, &r->base);
	if (!s.found || s.flops > r->flops)
		start_from_segments(&s);
	remat_measure(r, &r->base);
	if (!s.found || s.flops > r->flops)
		improve(&s);
	sequence_copy(to, &s.best);
	remat_measure(r, to);
	return s.found;
}

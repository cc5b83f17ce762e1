/*
 * How one part is placed: by greedy ways, then by the exact search for several
 * orders, with more and more nodes, until the bound is met or the budget spent.
 */
#include "passes/pack_part.h"

#include <string.h>

enum {
	FIT_ITEMS = 4096,        /* more: first fit is too slow */
	SEARCH_ORDERS = 4,
	DECIDE_NODES = 32,       /* for each item, at first */
	DESCEND_NODES = 2,
	MANY = 1500,             /* more: the wheel before the search */
	MANY_ROUNDS = 50,
};

typedef struct Ladder {
	PackPart *part;
	PackFill *fill;
	int *by, *best;          /* orders; of the lowest fill */
	int64_t *offset;
	PackSearch *search;
	uint64_t seed;           /* of the last jittered order */
} Ladder;

static bool try_fits(Ladder *l)
{
	PackPart *p = l->part;
	for (int tightest = 0; tightest < 2; tightest++) {
		pack_fit(p, l->by, tightest, l->offset);
		if (pack_keep(p, l->offset))
			return true;
	}
	return false;
}

static bool try_orders(Ladder *l)
{
	PackPart *p = l->part;
	int64_t lowest = INT64_MAX;
	for (int i = 0; i < pack_norders; i++) {
		pack_sort(p, pack_orders[i], l->by);
		pack_fill(l->fill, l->by, l->offset);
		if (pack_keep(p, l->offset))
			return true;
		if (p->height < lowest)
			memcpy(l->best, l->by, sizeof *l->by * (size_t)p->n);
		lowest = p->height;
		if (p->n <= FIT_ITEMS && try_fits(l))
			return true;
		if (pack_spent(p) && i > 0)
			return false;
	}
	return false;
}

static PackOutcome search_order(Ladder *l, int64_t capacity, int i,
                                int64_t limit)
{
	PackPart *p = l->part;
	bool jitter = i == SEARCH_ORDERS;
	if (jitter)
		l->seed++;
	if (limit > p->budget - p->nodes)
		limit = p->budget - p->nodes;
	PackOutcome o = pack_search(
		l->search, capacity,
		pack_orders[jitter ? l->seed % SEARCH_ORDERS : (uint64_t)i],
		jitter ? l->seed : 0, limit, l->offset);
	if (o == PACK_FOUND)
		pack_keep(p, l->offset);
	/* Below what juts out there may be placements that it does not try. */
	if (o == PACK_NONE && !l->part->piece)
		p->bound = capacity + 1;
	return o;
}

/* Every order for so many nodes, and one that is jittered. */
static PackOutcome search_orders(Ladder *l, int64_t capacity, int64_t limit)
{
	PackOutcome o = PACK_LIMIT;
	for (int i = 0; i <= SEARCH_ORDERS && o == PACK_LIMIT; i++)
		if (!pack_spent(l->part))
			o = search_order(l, capacity, i, limit);
	return o;
}

/* At the goal only, with most of the budget. */
static void decide(Ladder *l)
{
	PackPart *p = l->part;
	int64_t budget = p->budget, limit = DECIDE_NODES * (int64_t)p->n;
	p->budget -= budget / 4;
	while (search_orders(l, p->goal, limit) == PACK_LIMIT &&
	       !pack_spent(p) && limit / 4 <= p->budget)
		limit *= 4;
	p->budget = budget;
}

/* At the lowest that is not ruled out, then half-way between where the search
 * failed and the best, as long as there is something between. */
static void descend_once(Ladder *l, int64_t lowest, int64_t limit)
{
	PackPart *p = l->part;
	int64_t failed = lowest > p->bound ? lowest : p->bound;
	int64_t target = failed;
	while (failed < p->height && !pack_spent(p)) {
		if (search_orders(l, target, limit) != PACK_FOUND)
			failed = target + 1;
		target = failed + (p->height - failed) / 2;
	}
}

/* Ever longer: what takes too long at first may be found later; but no search
 * needs more than the budget. The first are short: most of what can be gained
 * over the greedy placements is found at once, or not at all. */
static void descend(Ladder *l)
{
	PackPart *p = l->part;
	int64_t lowest = p->goal + p->decide;
	int64_t limit = DESCEND_NODES * (int64_t)p->n;
	for (; p->height > lowest && p->height > p->bound && !pack_spent(p) &&
	       limit / 2 <= p->budget; limit *= 2)
		descend_once(l, lowest, limit);
}

void pack_place(PackPart *p)
{
	Ladder l = {
		.part = p, .fill = pack_fill_create(p),
		.by = arena_array(p->arena, int, p->n),
		.best = arena_array(p->arena, int, p->n),
		.offset = arena_array(p->arena, int64_t, p->n),
	};
	if (try_orders(&l))
		return;
	l.search = pack_search_create(p);
	int64_t rounds = !l.search ? INT64_MAX : p->n > MANY ? MANY_ROUNDS : 0;
	pack_wheel(p, l.fill, l.best, rounds);
	if (!l.search || p->height <= p->goal)
		return;
	if (p->decide)
		decide(&l);
	if (p->height > p->goal)
		descend(&l);
}

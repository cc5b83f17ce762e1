#include "passes/pack_part.h"

#include <stdlib.h>
#include <string.h>

/* ---- sections ---- */

typedef struct Moment {
	int64_t time;
	int item;
	bool ends;
} Moment;

/* At one time, ends come before beginnings: lifetimes are half-open. */
static int in_time(const void *pa, const void *pb)
{
	const Moment *a = pa, *b = pb;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->ends != b->ends)
		return a->ends ? -1 : 1;
	return a->item - b->item;
}

/* A section is the time between the last of some beginnings and the first of
 * the ends after them: every set of live items is contained in one of these. */
static void number_sections(PackPart *p, int n, const PackWindow w[],
                            PackPiece piece[])
{
	Arena *scratch = arena_create();
	Moment *m = arena_array(scratch, Moment, 2 * (int64_t)n);
	for (int i = 0; i < n; i++) {
		m[2 * i] = (Moment){w[i].lower, i, false};
		m[2 * i + 1] = (Moment){w[i].upper, i, true};
	}
	qsort(m, 2 * (size_t)n, sizeof *m, in_time);
	for (int k = 0; k < 2 * n; k++) {
		PackPiece *of = &piece[m[k].item];
		if (m[k].ends && !m[k - 1].ends)
			p->nsections++;
		*(m[k].ends ? &of->end : &of->first) = p->nsections;
	}
	arena_destroy(scratch);
}

/* An item's windows live one after the other, each as an item would. */
static int list_windows(const PackItem *item, PackWindow w[])
{
	for (int k = 0; k < item->nwindows; k++)
		w[k] = item->window[k];
	if (item->nwindows)
		return item->nwindows;
	w[0] = (PackWindow){item->lower, item->upper, 0, item->size};
	return 1;
}

static int count_pieces(PackPart *p, const PackItem item[])
{
	int n = 0;
	for (int i = 0; i < p->n; i++) {
		p->piece_at[i] = n;
		n += item[i].nwindows ? item[i].nwindows : 1;
	}
	return p->piece_at[p->n] = n;
}

static bool has_windows(int n, const PackItem item[])
{
	for (int i = 0; i < n; i++)
		if (item[i].nwindows)
			return true;
	return false;
}

static void find_pieces(PackPart *p, const PackItem item[], int64_t unit)
{
	Arena *scratch = arena_create();
	p->piece_at = arena_array(p->arena, int, p->n + 1);
	int n = count_pieces(p, item);
	PackWindow *w = arena_array(scratch, PackWindow, n);
	p->piece = arena_array(p->arena, PackPiece, n);
	for (int i = 0; i < p->n; i++)
		list_windows(&item[i], &w[p->piece_at[i]]);
	number_sections(p, n, w, p->piece);
	for (int i = 0; i < p->n; i++) {
		p->first[i] = p->piece[p->piece_at[i]].first;
		p->end[i] = p->piece[p->piece_at[i + 1] - 1].end;
	}
	for (int k = 0; k < n; k++) {
		p->piece[k].low = w[k].low / unit;
		p->piece[k].high = (w[k].high + unit - 1) / unit;
	}
	if (!has_windows(p->n, item))
		p->piece = NULL;
	arena_destroy(scratch);
}

int64_t pack_rise(const PackPart *p, int a, int b)
{
	int64_t rise = INT64_MIN;
	if (!p->piece)
		return p->size[a];
	int i = p->piece_at[a], j = p->piece_at[b];
	while (i < p->piece_at[a + 1] && j < p->piece_at[b + 1]) {
		const PackPiece *x = &p->piece[i], *y = &p->piece[j];
		if (x->first < y->end && y->first < x->end &&
		    x->high - y->low > rise)
			rise = x->high - y->low;
		*(x->end < y->end ? &i : &j) += 1;
	}
	return rise;
}

static void add_size(int64_t change[], int first, int end, int64_t size)
{
	change[first] += size;
	change[end] -= size;
}

static void add_sizes(PackPart *p)
{
	int64_t live = 0;
	int64_t *change = arena_array(p->arena, int64_t, p->nsections + 1);
	for (int i = 0; !p->piece && i < p->n; i++)
		add_size(change, p->first[i], p->end[i], p->size[i]);
	for (int k = 0; p->piece && k < p->piece_at[p->n]; k++)
		add_size(change, p->piece[k].first, p->piece[k].end,
		         p->piece[k].high - p->piece[k].low);
	for (int k = 0; k < p->nsections; k++) {
		p->total[k] = live += change[k];
		if (live > p->bound)
			p->bound = live;
	}
}

/* The largest total of each item's sections: rising[k] is the largest of the
 * 2^level sections from k on. */
static void find_crowds(PackPart *p)
{
	Arena *scratch = arena_create();
	int64_t *rising = arena_array(scratch, int64_t, p->nsections);
	memcpy(rising, p->total, sizeof *rising * (size_t)p->nsections);
	for (int wide = 1; wide <= p->nsections; wide *= 2) {
		for (int i = 0; i < p->n; i++) {
			int length = p->end[i] - p->first[i];
			if (length < wide || length / 2 >= wide)
				continue;
			int64_t a = rising[p->first[i]];
			int64_t b = rising[p->end[i] - wide];
			p->crowd[i] = a > b ? a : b;
		}
		for (int k = 0; k + wide < p->nsections; k++)
			if (rising[k + wide] > rising[k])
				rising[k] = rising[k + wide];
	}
	arena_destroy(scratch);
}

/* The smallest allowed alignment in units: a unit that is a multiple of the
 * alignment satisfies it wherever it is. */
static int64_t units(int64_t align, int64_t unit)
{
	return align > unit ? align / unit : 1;
}

PackPart *pack_part(Arena *a, int n, const PackItem item[], int64_t unit)
{
	PackPart *p = arena_new(a, PackPart);
	p->arena = a;
	p->n = n;
	p->first = arena_array(a, int, n);
	p->end = arena_array(a, int, n);
	p->size = arena_array(a, int64_t, n);
	p->align = arena_array(a, int64_t, n);
	p->life = arena_array(a, int64_t, n);
	p->crowd = arena_array(a, int64_t, n);
	p->offset = arena_array(a, int64_t, n);
	for (int i = 0; i < n; i++) {
		p->size[i] = (item[i].size + unit - 1) / unit;
		p->align[i] = units(item[i].align, unit);
		p->life[i] = item[i].upper - item[i].lower;
	}
	find_pieces(p, item, unit);
	p->total = arena_array(a, int64_t, p->nsections);
	add_sizes(p);
	find_crowds(p);
	p->height = INT64_MAX;
	return p;
}

/* ---- the ladder ---- */

bool pack_keep(PackPart *p, const int64_t offset[])
{
	int64_t height = 0;
	for (int i = 0; i < p->n; i++)
		if (offset[i] + p->size[i] > height)
			height = offset[i] + p->size[i];
	if (height < p->height) {
		p->height = height;
		memcpy(p->offset, offset, sizeof *offset * (size_t)p->n);
	}
	return p->height <= p->goal;
}

bool pack_spent(const PackPart *p)
{
	return p->nodes >= p->budget;
}

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

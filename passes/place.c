/*
 * Offsets: every buffer gets the lowest (or the tightest) gap that is free
 * during its whole life, in some order of the buffers. Several orders are tried
 * and the lowest arena is kept.
 */
#include "passes/planner.h"

#include <stdlib.h>
#include <string.h>

/* A buffer as the placer sees it; `weight` is what it is sorted by. */
typedef struct Block {
	int id, first, last;
	int64_t bytes, align, offset;
	double weight;        /* larger comes first; ties: the lower id */
} Block;

/* A block that has its place: all that a search for gaps looks at. */
typedef struct Placed {
	int first, last;
	int64_t lo, hi;
} Placed;

typedef double Weight(const Block *, const int64_t live[]);

/* ---- orders ---- */

static double by_size(const Block *b, const int64_t live[])
{
	return (double)b->bytes;
}

static double by_life(const Block *b, const int64_t live[])
{
	return (double)(b->last - b->first);
}

static double by_area(const Block *b, const int64_t live[])
{
	return (double)b->bytes * (double)(b->last - b->first + 1);
}

static double by_start(const Block *b, const int64_t live[])
{
	return (double)-b->first;
}

static double by_end(const Block *b, const int64_t live[])
{
	return (double)b->last;
}

/* How crowded its most crowded step is; among equals the larger. */
static double by_crowd(const Block *b, const int64_t live[])
{
	int64_t most = 0;
	for (int i = b->first; i <= b->last; i++)
		if (live[i] > most)
			most = live[i];
	return (double)most + (double)b->bytes / 9e15;
}

static double by_crowded_area(const Block *b, const int64_t live[])
{
	return by_crowd(b, live) * by_area(b, live);
}

static Weight *const weights[] = {
	by_size, by_crowd, by_area, by_life, by_crowded_area, by_start, by_end,
};

enum { NWEIGHTS = sizeof weights / sizeof weights[0] };

static int heavier(const void *pa, const void *pb)
{
	const Block *a = pa, *b = pb;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->id - b->id;
}

/* ---- one pass ---- */

/* align is a power of two. */
static int64_t align_up(int64_t x, int64_t align)
{
	return (x + align - 1) & -align;
}

/* The gap for b among those placed, which are sorted by offset. */
static int64_t find_gap(const Placed *placed, int n, const Block *b, bool best)
{
	int64_t top = 0, tightest = INT64_MAX, found = -1;
	for (const Placed *p = placed; p < placed + n; p++) {
		if (p->last < b->first || p->first > b->last)
			continue;
		int64_t at = align_up(top, b->align);
		if (p->lo - at >= b->bytes && p->lo - at < tightest) {
			tightest = p->lo - at;
			found = at;
			if (!best)
				return found;
		}
		if (p->hi > top)
			top = p->hi;
	}
	return found < 0 ? align_up(top, b->align) : found;
}

static void insert(Placed *placed, int n, const Block *b)
{
	int lo = 0, hi = n;
	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (placed[mid].lo <= b->offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	memmove(&placed[lo + 1], &placed[lo],
	        sizeof *placed * (size_t)(n - lo));
	placed[lo] = (Placed){b->first, b->last, b->offset,
	                      b->offset + b->bytes};
}

/* Sets the offsets of the blocks in their order. */
static int64_t place_all(Block block[], int n, Placed *placed, bool best)
{
	int64_t height = 0;
	for (int i = 0; i < n; i++) {
		Block *b = &block[i];
		b->offset = find_gap(placed, i, b, best);
		insert(placed, i, b);
		if (b->offset + b->bytes > height)
			height = b->offset + b->bytes;
	}
	return height;
}

/* ---- the portfolio ---- */

static int64_t *live_bytes(Arena *a, int n, const Block block[])
{
	int end = 0;
	for (int i = 0; i < n; i++)
		if (block[i].last > end)
			end = block[i].last;
	int64_t *live = arena_array(a, int64_t, end + 2);
	for (int i = 0; i < n; i++) {
		live[block[i].first] += block[i].bytes;
		live[block[i].last + 1] -= block[i].bytes;
	}
	for (int s = 1; s <= end; s++)
		live[s] += live[s - 1];
	return live;
}

/* One pass compares each pair of blocks at most once: many blocks get fewer
 * passes, so that the time stays bounded. */
static int passes_allowed(int n, int most)
{
	double passes = 6e7 / ((double)n * (double)n / 2 + 1);
	return passes > most ? most : passes < 2 ? 2 : (int)passes;
}

typedef struct Search {
	int n;
	Block *block;
	Placed *placed;        /* those of the pass, by offset */
	Buffer *buffer;        /* has the offsets of the best pass */
	int64_t bound, lowest;
} Search;

static void place_pass(Search *s, bool best_fit)
{
	int64_t height = place_all(s->block, s->n, s->placed, best_fit);
	if (height >= s->lowest)
		return;
	s->lowest = height;
	for (int i = 0; i < s->n; i++)
		s->buffer[s->block[i].id].offset = s->block[i].offset;
}

static void try_weights(Search *s, const int64_t live[])
{
	int most = passes_allowed(s->n, 2 * NWEIGHTS);
	for (int pass = 0; pass < most && s->lowest > s->bound; pass++) {
		for (int i = 0; i < s->n && pass % 2 == 0; i++)
			s->block[i].weight =
				weights[pass / 2](&s->block[i], live);
		qsort(s->block, (size_t)s->n, sizeof *s->block, heavier);
		place_pass(s, pass % 2);
	}
}

/* Blocks that stick out were placed too late: they go forward, the highest
 * first, and all others follow in the order that they had. */
static void squeak(Search *s, int most)
{
	for (int i = 0; i < s->n; i++)
		s->block[i].weight = -i;
	for (int pass = 0; pass < most && s->lowest > s->bound; pass++) {
		for (int i = 0; i < s->n; i++) {
			int64_t end = s->block[i].offset + s->block[i].bytes;
			if (end >= s->lowest)
				s->block[i].weight += s->n / 2 + 1;
			else if (end > s->bound)
				s->block[i].weight += s->n / 8 + pass % 3;
		}
		qsort(s->block, (size_t)s->n, sizeof *s->block, heavier);
		for (int i = 0; i < s->n; i++)
			s->block[i].weight = -i;
		place_pass(s, pass % 2);
	}
}

int64_t place_buffers(Arena *a, int n, Buffer buffer[], int64_t bound)
{
	Search s = {
		.n = n, .buffer = buffer, .bound = bound,
		.block = arena_array(a, Block, n),
		.placed = arena_array(a, Placed, n + 1),
		.lowest = n ? INT64_MAX : 0,
	};
	for (int i = 0; i < n; i++)
		s.block[i] = (Block){i, buffer[i].first, buffer[i].last,
		                     buffer[i].bytes, buffer[i].align, 0, 0};
	const int64_t *live = live_bytes(a, n, s.block);
	try_weights(&s, live);
	if (n > 1 && s.lowest > bound)
		squeak(&s, passes_allowed(n, 40));
	return s.lowest;
}

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

static int64_t align_up(int64_t x, int64_t align)
{
	return (x + align - 1) / align * align;
}

/* The gap for b among those placed, which are sorted by offset. */
static int64_t find_gap(const Block *placed, int n, const Block *b, bool best)
{
	int64_t top = 0, tightest = INT64_MAX, found = -1;
	for (int i = 0; i < n; i++) {
		const Block *p = &placed[i];
		if (p->last < b->first || p->first > b->last)
			continue;
		int64_t at = align_up(top, b->align);
		if (p->offset - at >= b->bytes && p->offset - at < tightest) {
			tightest = p->offset - at;
			found = at;
			if (!best)
				return found;
		}
		if (p->offset + p->bytes > top)
			top = p->offset + p->bytes;
	}
	return found < 0 ? align_up(top, b->align) : found;
}

static void insert(Block *placed, int n, const Block *b)
{
	int lo = 0, hi = n;
	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (placed[mid].offset <= b->offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	memmove(&placed[lo + 1], &placed[lo],
	        sizeof *placed * (size_t)(n - lo));
	placed[lo] = *b;
}

/* Sets the offsets of the blocks in their order. */
static int64_t place_all(Block block[], int n, Block *placed, bool best)
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
static int number_of_passes(int n)
{
	double pairs = (double)n * (double)n / 2;
	int passes = pairs > 0 ? (int)(2e8 / (pairs + 1)) : 1;
	return passes > 2 * NWEIGHTS ? 2 * NWEIGHTS : passes < 2 ? 2 : passes;
}

int64_t place_buffers(Arena *a, int n, Buffer buffer[], int64_t bound)
{
	Block *block = arena_array(a, Block, n);
	Block *placed = arena_array(a, Block, n + 1);
	for (int i = 0; i < n; i++)
		block[i] = (Block){i, buffer[i].first, buffer[i].last,
		                   buffer[i].bytes, buffer[i].align, 0, 0};
	const int64_t *live = live_bytes(a, n, block);
	int64_t lowest = INT64_MAX;
	for (int pass = 0; pass < number_of_passes(n) && lowest > bound;
	     pass++) {
		for (int i = 0; i < n && pass % 2 == 0; i++)
			block[i].weight = weights[pass / 2](&block[i], live);
		qsort(block, (size_t)n, sizeof *block, heavier);
		int64_t height = place_all(block, n, placed, pass % 2);
		if (height >= lowest)
			continue;
		lowest = height;
		for (int i = 0; i < n; i++)
			buffer[block[i].id].offset = block[i].offset;
	}
	return n ? lowest : 0;
}

#include "passes/pack.h"

#include "passes/pack_part.h"

#include <stdlib.h>
#include <string.h>

/*
 * Two exact reductions come before everything else. Where no item lives across
 * an instant, what is before it and what is after it are parts of their own;
 * and an item that lives together with all others of its part may lie below
 * them all. Taking that one out can divide the rest again. Where another makes
 * room for it after a while, that is no reduction, but the problem is so much
 * smaller that it is worth a try.
 */

enum { MOST_LEVELS = 32 };   /* of reductions: a comb would have thousands */

typedef struct Packing {
	Arena *arena;
	const PackItem *item;
	int64_t *offset;
	int64_t unit;
	bool aligned;            /* some alignment is larger than a unit */
	bool bold;               /* what makes room later lies above the others,
	                          * too: a try */
	bool timid;              /* there would be something to try */
	int nparts, most_parts;
	struct Share *share;
	int64_t height;          /* in units: of what lies at the bottom */
} Packing;

/* A part, which of the items it has, and where it begins. */
typedef struct Share {
	int n, *id;
	int64_t base;
	PackPart *part;
} Share;

/* ---- units ---- */

static int64_t divisor(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static int64_t align_of(const PackItem *item)
{
	return item->align > 1 ? item->align : 1;
}

/* The largest unit such that all sizes and what windows take are multiples of it
 * (once rounded to what divides all alignments), and each alignment divides it or
 * is a multiple of it. */
static int64_t find_unit(int n, const PackItem item[])
{
	int64_t common = 0, unit = 0, last;
	for (int i = 0; i < n; i++)
		if (item[i].size)
			common = divisor(common, align_of(&item[i]));
	for (int i = 0; i < n; i++)
		if (item[i].size)
			unit = divisor(unit, pack_align(item[i].size, common));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < item[i].nwindows; k++) {
			const PackWindow *w = &item[i].window[k];
			unit = divisor(unit, w->low / common * common);
			unit = divisor(unit, pack_align(w->high, common));
		}
	do {
		last = unit;
		for (int i = 0; i < n; i++)
			if (item[i].size && unit % align_of(&item[i]))
				unit = divisor(unit, align_of(&item[i]));
	} while (unit != last);
	return unit ? unit : 1;
}

/* ---- parts ---- */

static void add_share(Packing *k, int n, const int id[], int64_t base)
{
	if (k->nparts == k->most_parts) {
		int most = 2 * k->most_parts + 16;
		Share *more = arena_array(k->arena, Share, most);
		for (int i = 0; i < k->nparts; i++)
			more[i] = k->share[i];
		k->share = more;
		k->most_parts = most;
	}
	Share *s = &k->share[k->nparts++];
	PackItem *item = arena_array(k->arena, PackItem, n);
	*s = (Share){n, arena_array(k->arena, int, n), base, NULL};
	for (int i = 0; i < n; i++) {
		s->id[i] = id[i];
		item[i] = k->item[id[i]];
	}
	s->part = pack_part(k->arena, n, item, k->unit);
}

static void divide(Packing *, int n, int id[], int64_t base, int level);

/* Puts those that live with all others at the bottom; returns how many are
 * left, in their order. */
static int settle(Packing *k, int n, int id[], int64_t *base)
{
	int64_t first_end = INT64_MAX, last_begin = INT64_MIN;
	int left = 0;
	bool windows = false;
	for (int i = 0; i < n; i++) {
		const PackItem *item = &k->item[id[i]];
		windows |= item->nwindows > 0;
		if (item->upper < first_end)
			first_end = item->upper;
		if (item->lower > last_begin)
			last_begin = item->lower;
	}
	for (int i = 0; i < n; i++) {
		const PackItem *item = &k->item[id[i]];
		bool all = item->lower < first_end &&
		           item->upper > last_begin && !item->nwindows;
		k->timid |= all && windows;
		if (all && (k->bold || !windows)) {
			k->offset[id[i]] = *base;
			*base += (item->size + k->unit - 1) / k->unit;
		} else {
			id[left++] = id[i];
		}
	}
	if (*base > k->height)
		k->height = *base;
	return left;
}

static void reduce(Packing *k, int n, int id[], int64_t base, int level)
{
	int left = k->aligned ? n : settle(k, n, id, &base);
	if (left == n || level == MOST_LEVELS) {
		if (left)
			add_share(k, left, id, base);
	} else if (left) {
		divide(k, left, id, base, level + 1);
	}
}

/* id[] is sorted by the beginnings. */
static void divide(Packing *k, int n, int id[], int64_t base, int level)
{
	int from = 0;
	int64_t end = INT64_MIN;
	for (int i = 0; i < n; i++) {
		if (i > from && k->item[id[i]].lower >= end) {
			reduce(k, i - from, id + from, base, level);
			from = i;
		}
		if (k->item[id[i]].upper > end)
			end = k->item[id[i]].upper;
	}
	if (n > from)
		reduce(k, n - from, id + from, base, level);
}

typedef struct Beginning {
	int64_t time;
	int id;
} Beginning;

static int by_time(const void *pa, const void *pb)
{
	const Beginning *a = pa, *b = pb;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->id - b->id;
}

/* The items that have a size, by their beginnings. */
static int list_items(Packing *k, int n, int id[])
{
	Beginning *b = arena_array(k->arena, Beginning, n);
	int m = 0;
	for (int i = 0; i < n; i++) {
		k->offset[i] = 0;
		if (k->item[i].size)
			b[m++] = (Beginning){k->item[i].lower, i};
		if (align_of(&k->item[i]) > k->unit)
			k->aligned = true;
	}
	qsort(b, (size_t)m, sizeof *b, by_time);
	for (int i = 0; i < m; i++)
		id[i] = b[i].id;
	return m;
}

/* ---- all together ---- */

/* The part that needs the most room first: the others need not be lower. */
static int taller(const void *pa, const void *pb)
{
	const Share *a = pa, *b = pb;
	int64_t x = a->base + a->part->bound, y = b->base + b->part->bound;
	if (x != y)
		return x > y ? -1 : 1;
	return a->id[0] - b->id[0];
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Each part may use what its number of items deserves of what is left. */
static void place_parts(Packing *k, int64_t goal, PackLimits limits)
{
	int64_t left = 0, nodes = limits.nodes ? limits.nodes : PACK_NODES;
	for (int i = 0; i < k->nparts; i++)
		left += k->share[i].n;
	for (int i = 0; i < k->nparts; i++) {
		Share *s = &k->share[i];
		double fair = (double)nodes * ((double)s->n / (double)left);
		s->part->goal = goal - s->base;
		s->part->decide = limits.capacity > 0;
		s->part->budget = (int64_t)fair;
		pack_place(s->part);
		goal = larger(goal, s->base + s->part->height);
		nodes -= s->part->nodes;
		left -= s->n;
	}
}

static PackResult add_up(Packing *k)
{
	PackResult r = {k->height, k->height, 0};
	for (int i = 0; i < k->nparts; i++) {
		const Share *s = &k->share[i];
		r.height = larger(r.height, s->base + s->part->height);
		r.bound = larger(r.bound, s->base + s->part->bound);
		r.nodes += s->part->nodes;
		for (int j = 0; j < s->n; j++)
			k->offset[s->id[j]] = s->base + s->part->offset[j];
	}
	return r;
}

/* timid: would a bold one differ? */
static PackResult pack_once(int n, const PackItem item[], PackLimits limits,
                            int64_t offset[], bool bold, bool *timid)
{
	Packing k = {.arena = arena_create(), .item = item, .offset = offset,
	             .unit = find_unit(n, item), .bold = bold};
	int *id = arena_array(k.arena, int, n);
	int64_t goal = limits.capacity / k.unit;
	divide(&k, list_items(&k, n, id), id, 0, 0);
	if (k.nparts)
		qsort(k.share, (size_t)k.nparts, sizeof *k.share, taller);
	goal = larger(goal, k.height);
	if (k.nparts)
		goal = larger(goal, k.share[0].base + k.share[0].part->bound);
	place_parts(&k, goal, limits);
	PackResult r = add_up(&k);
	r.height *= k.unit;
	r.bound *= k.unit;
	for (int i = 0; i < n; i++)
		offset[i] *= k.unit;
	*timid = k.timid && !bold;
	arena_destroy(k.arena);
	return r;
}

PackResult pack(int n, const PackItem item[], PackLimits limits,
                int64_t offset[])
{
	bool timid;
	PackResult r = pack_once(n, item, limits, offset, false, &timid);
	if (!timid || r.height <= r.bound || r.height <= limits.capacity)
		return r;
	Arena *scratch = arena_create();
	int64_t *other = arena_array(scratch, int64_t, n);
	PackResult b = pack_once(n, item, limits, other, true, &timid);
	r.nodes += b.nodes;
	if (b.height < r.height) {
		r.height = b.height;
		memcpy(offset, other, sizeof *other * (size_t)n);
	}
	arena_destroy(scratch);
	return r;
}

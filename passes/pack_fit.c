/*
 * First fit and best fit: one item after the other, into the lowest or the
 * tightest gap between those that are placed and live at the same time. Each
 * pair of items is looked at once, so this is for small parts only.
 */
#include "passes/pack_part.h"

#include <stdlib.h>
#include <string.h>

typedef struct Fit {
	const PackPart *part;
	int nplaced, *placed;    /* by offset */
	int64_t *offset;
	struct Range *range;     /* scratch, if there are windows */
} Fit;

static int64_t find_gap(const Fit *f, int v, bool tightest)
{
	const PackPart *p = f->part;
	int64_t top = 0, least = INT64_MAX, found = -1;
	for (int i = 0; i < f->nplaced; i++) {
		int q = f->placed[i];
		if (p->end[q] <= p->first[v] || p->first[q] >= p->end[v])
			continue;
		int64_t at = pack_align(top, p->align[v]);
		int64_t gap = f->offset[q] - at;
		if (gap >= p->size[v] && gap < least) {
			if (!tightest)
				return at;
			least = gap;
			found = at;
		}
		if (f->offset[q] + p->size[q] > top)
			top = f->offset[q] + p->size[q];
	}
	return found < 0 ? pack_align(top, p->align[v]) : found;
}

/* Where an item has windows, each that is placed forbids a range of offsets:
 * those at which the two would meet anywhere. */
typedef struct Range {
	int64_t from, to;
} Range;

static int upwards(const void *pa, const void *pb)
{
	const Range *a = pa, *b = pb;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

static int forbidden(const Fit *f, int v, Range range[])
{
	const PackPart *p = f->part;
	int n = 0;
	for (int i = 0; i < f->nplaced; i++) {
		int q = f->placed[i];
		if (p->end[q] <= p->first[v] || p->first[q] >= p->end[v])
			continue;
		range[n++] = (Range){f->offset[q] - pack_rise(p, v, q),
		                     f->offset[q] + pack_rise(p, q, v)};
	}
	qsort(range, (size_t)n, sizeof *range, upwards);
	return n;
}

static int64_t find_place(const Fit *f, int v, bool tightest)
{
	int64_t at = 0, least = INT64_MAX, found = -1;
	int n = forbidden(f, v, f->range);
	for (int i = 0; i < n; i++) {
		const Range *r = &f->range[i];
		int64_t gap = r->from - at;
		if (gap >= 0 && gap < least) {
			if (!tightest)
				return at;
			least = gap;
			found = at;
		}
		if (r->to > at)
			at = pack_align(r->to, f->part->align[v]);
	}
	return found < 0 ? at : found;
}

static void insert(Fit *f, int v)
{
	int lo = 0, hi = f->nplaced++;
	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (f->offset[f->placed[mid]] <= f->offset[v])
			lo = mid + 1;
		else
			hi = mid;
	}
	memmove(&f->placed[lo + 1], &f->placed[lo],
	        sizeof *f->placed * (size_t)(f->nplaced - 1 - lo));
	f->placed[lo] = v;
}

void pack_fit(PackPart *p, const int by[], bool tightest, int64_t offset[])
{
	Arena *scratch = arena_create();
	Fit f = {p, 0, arena_array(scratch, int, p->n), offset,
	         p->piece ? arena_array(scratch, Range, p->n) : NULL};
	for (int i = 0; i < p->n; i++) {
		offset[by[i]] = p->piece ? find_place(&f, by[i], tightest)
		                         : find_gap(&f, by[i], tightest);
		insert(&f, by[i]);
	}
	p->nodes += p->n;
	arena_destroy(scratch);
}

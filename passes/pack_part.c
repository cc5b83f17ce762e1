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

/* ---- the best so far ---- */

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

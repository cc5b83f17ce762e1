/*
 * Bottom fill: the item that can lie lowest is placed next.
 *
 * What is placed shows as a skyline over the sections. Its lowest valley takes
 * the first item, in the given order, that lives within it; where there is
 * none, the valley is filled up to the lower of its walls. Nothing is ever put
 * under what is placed already.
 *
 * The items stand in a k-d tree over (first, end), every node of which knows
 * the least rank of what is left in it, so that a query skips whole boxes.
 */
#include "passes/pack_part.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKET = 8 };

/* A box: its items are slot[from .. to - 1] of the tree. */
typedef struct Box {
	int from, to;
	int first, end;          /* least first, largest end */
	int last_first, least_end;
	int rank;                /* least; INT_MAX: empty */
} Box;

typedef struct Valley {
	int64_t height;
	int first;
} Valley;

struct PackFill {
	PackPart *part;
	int leaves;              /* a power of two; box[1] is the root */
	Box *box;
	int *slot, *leaf_of;     /* item by slot, leaf by item */
	int *rank;               /* by item; INT_MAX: placed */
	/* skyline, by first section of each stretch */
	int64_t *height;
	int *end, *before;
	bool *stands;
	int nvalleys;
	Valley *heap;            /* some entries are stale */
};

/* ---- the tree ---- */

typedef struct Corner {
	int key, item;
} Corner;

static int by_key(const void *pa, const void *pb)
{
	const Corner *a = pa, *b = pb;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->item - b->item;
}

static void sort_slots(PackFill *f, Corner *c, int from, int to,
                       bool by_end)
{
	for (int i = from; i < to; i++) {
		int v = f->slot[i];
		c[i].key = by_end ? f->part->end[v] : f->part->first[v];
		c[i].item = v;
	}
	qsort(c + from, (size_t)(to - from), sizeof *c, by_key);
	for (int i = from; i < to; i++)
		f->slot[i] = c[i].item;
}

static Box bounds(const PackFill *f, int from, int to)
{
	Box b = {from, to, INT_MAX, 0, 0, INT_MAX, INT_MAX};
	for (int i = from; i < to; i++) {
		int first = f->part->first[f->slot[i]];
		int end = f->part->end[f->slot[i]];
		b.first = first < b.first ? first : b.first;
		b.last_first = first > b.last_first ? first : b.last_first;
		b.end = end > b.end ? end : b.end;
		b.least_end = end < b.least_end ? end : b.least_end;
	}
	return b;
}

static void grow(PackFill *f, Corner *c, int node, int from, int to,
                 bool by_end)
{
	f->box[node] = bounds(f, from, to);
	if (node >= f->leaves) {
		for (int i = from; i < to; i++)
			f->leaf_of[f->slot[i]] = node;
		return;
	}
	int mid = from + (to - from) / 2;
	sort_slots(f, c, from, to, by_end);
	grow(f, c, 2 * node, from, mid, !by_end);
	grow(f, c, 2 * node + 1, mid, to, !by_end);
}

static void lower_rank(PackFill *f, int leaf)
{
	int least = INT_MAX;
	for (int i = f->box[leaf].from; i < f->box[leaf].to; i++)
		if (f->rank[f->slot[i]] < least)
			least = f->rank[f->slot[i]];
	f->box[leaf].rank = least;
}

static int least_rank(const PackFill *f, int node)
{
	int a = f->box[2 * node].rank, b = f->box[2 * node + 1].rank;
	return a < b ? a : b;
}

static void set_ranks(PackFill *f, const int by[])
{
	for (int i = 0; i < f->part->n; i++)
		f->rank[by[i]] = i;
	for (int leaf = f->leaves; leaf < 2 * f->leaves; leaf++)
		lower_rank(f, leaf);
	for (int node = f->leaves - 1; node > 0; node--)
		f->box[node].rank = least_rank(f, node);
}

static void take_out(PackFill *f, int item)
{
	int node = f->leaf_of[item];
	f->rank[item] = INT_MAX;
	lower_rank(f, node);
	while (node /= 2)
		f->box[node].rank = least_rank(f, node);
}

/* The least rank below `least` of an item within [first, end). */
static int query(const PackFill *f, int node, int first, int end, int least)
{
	const Box *b = &f->box[node];
	if (b->rank >= least || b->last_first < first || b->least_end > end)
		return least;
	if (b->first >= first && b->end <= end)
		return b->rank;
	if (node < f->leaves) {
		least = query(f, 2 * node, first, end, least);
		return query(f, 2 * node + 1, first, end, least);
	}
	for (int i = b->from; i < b->to; i++) {
		int v = f->slot[i];
		if (f->rank[v] < least && f->part->first[v] >= first &&
		    f->part->end[v] <= end)
			least = f->rank[v];
	}
	return least;
}

/* ---- the skyline ---- */

static bool lower(Valley a, Valley b)
{
	return a.height != b.height ? a.height < b.height : a.first < b.first;
}

static void push(PackFill *f, int first)
{
	Valley v = {f->height[first], first};
	int i = f->nvalleys++;
	for (; i > 0 && lower(v, f->heap[(i - 1) / 2]); i = (i - 1) / 2)
		f->heap[i] = f->heap[(i - 1) / 2];
	f->heap[i] = v;
}

static Valley pop(PackFill *f)
{
	Valley top = f->heap[0], v = f->heap[--f->nvalleys];
	int i = 0;
	for (int child; (child = 2 * i + 1) < f->nvalleys; i = child) {
		if (child + 1 < f->nvalleys &&
		    lower(f->heap[child + 1], f->heap[child]))
			child++;
		if (!lower(f->heap[child], v))
			break;
		f->heap[i] = f->heap[child];
	}
	f->heap[i] = v;
	return top;
}

/* A new stretch, with its entry in the heap. */
static void stand(PackFill *f, int first, int end, int64_t height)
{
	f->stands[first] = true;
	f->end[first] = end;
	f->height[first] = height;
	if (end < f->part->nsections)
		f->before[end] = first;
	push(f, first);
}

/* Joins the stretch with its neighbours of the same height. */
static void join(PackFill *f, int first)
{
	int end = f->end[first];
	if (end < f->part->nsections && f->height[end] == f->height[first]) {
		f->stands[end] = false;
		f->end[first] = f->end[end];
		if (f->end[end] < f->part->nsections)
			f->before[f->end[end]] = first;
	}
	int left = first ? f->before[first] : -1;
	if (left < 0 || f->height[left] != f->height[first])
		return;
	f->stands[first] = false;
	f->end[left] = f->end[first];
	if (f->end[first] < f->part->nsections)
		f->before[f->end[first]] = left;
}

/* [first, end), within the valley at `at`, rises to `height`. */
static void build(PackFill *f, int at, int first, int end, int64_t height)
{
	int old_end = f->end[at];
	int64_t ground = f->height[at];
	if (first > at)
		stand(f, at, first, ground);
	stand(f, first, end, height);
	if (end < old_end)
		stand(f, end, old_end, ground);
	join(f, first);
}

/* Piece by piece: what is left of the valley begins where one ends. */
static void put(PackFill *f, int at, int item, int64_t offset)
{
	const PackPart *p = f->part;
	if (!p->piece) {
		build(f, at, p->first[item], p->end[item],
		      offset + p->size[item]);
		return;
	}
	for (int k = p->piece_at[item]; k < p->piece_at[item + 1]; k++) {
		const PackPiece *x = &p->piece[k];
		build(f, at, x->first, x->end, offset + x->high);
		at = x->end;
	}
}

/* The lower wall of the valley; -1: it is the whole skyline. */
static int64_t wall(const PackFill *f, int at)
{
	int64_t left = at ? f->height[f->before[at]] : INT64_MAX;
	int64_t right = f->end[at] < f->part->nsections ?
	                f->height[f->end[at]] : INT64_MAX;
	return left < right ? left : right;
}

static void start(PackFill *f, const int by[])
{
	set_ranks(f, by);
	memset(f->stands, 0, sizeof *f->stands * (size_t)f->part->nsections);
	f->nvalleys = 0;
	stand(f, 0, f->part->nsections, 0);
}

void pack_fill(PackFill *f, const int by[], int64_t offset[])
{
	const PackPart *p = f->part;
	start(f, by);
	for (int left = p->n; left > 0;) {
		Valley v = pop(f);
		int at = v.first;
		if (!f->stands[at] || f->height[at] != v.height)
			continue;
		int rank = query(f, 1, at, f->end[at], INT_MAX);
		if (rank == INT_MAX) {
			build(f, at, at, f->end[at], wall(f, at));
			continue;
		}
		int item = by[rank];
		take_out(f, item);
		left--;
		offset[item] = pack_align(v.height, p->align[item]);
		put(f, at, item, offset[item]);
	}
	f->part->nodes += p->n;
}

PackFill *pack_fill_create(PackPart *p)
{
	PackFill *f = arena_new(p->arena, PackFill);
	f->part = p;
	for (f->leaves = 1; f->leaves * BUCKET < p->n;)
		f->leaves *= 2;
	f->box = arena_array(p->arena, Box, 2 * f->leaves);
	f->slot = arena_array(p->arena, int, p->n);
	f->leaf_of = arena_array(p->arena, int, p->n);
	f->rank = arena_array(p->arena, int, p->n);
	f->height = arena_array(p->arena, int64_t, p->nsections);
	f->end = arena_array(p->arena, int, p->nsections);
	f->before = arena_array(p->arena, int, p->nsections);
	f->stands = arena_array(p->arena, bool, p->nsections);
	/* a piece makes three stretches of one, each may be raised once */
	f->heap = arena_array(p->arena, Valley, 5 * (int64_t)p->piece_at[p->n] + 2);
	for (int i = 0; i < p->n; i++)
		f->slot[i] = i;
	Arena *scratch = arena_create();
	grow(f, arena_array(scratch, Corner, p->n), 1, 0, p->n, false);
	arena_destroy(scratch);
	return f;
}

/*
 * The exact search: a tree of all bottom-left placements.
 *
 * Items are placed from the bottom to the top: every item lies at its lowest
 * possible offset given those placed before it, and offsets never decrease;
 * equal offsets go by rank. Some lowest placement can be built that way, so a
 * tree without an answer proves that there is none. Of each section the
 * search knows the sum of sizes that still have to go in; one of them must be
 * able to lie so low that the sum fits in from there. When
 * nothing that is left spans a border between sections, the two sides are
 * searched one after the other, each with an order of its own.
 *
 * Where items have windows, the tree is not complete: one that is placed later
 * never goes below what another juts out with. What it finds is right.
 *
 * The tree and the orders are MiniMalloc's (M. Moffitt, MiniMalloc: A
 * Lightweight Memory Allocator for Hardware-Accelerated Machine Learning,
 * ASPLOS 2024). What is done here to walk it quickly: flat arrays, a trail
 * instead of copies, and one watched item for each section, so that the others
 * are looked at only when that one has moved too high.
 */
#include "ir/splitmix.h"
#include "passes/pack_part.h"

#include <string.h>

enum {
	PLACED = 1 << 30,        /* as a lowest offset; larger than any */
	MOST_ITEMS = 4096,       /* the recursion is as deep */
};

/* What a placement changed: an item's lowest offset (v >= 0), or what a section
 * watches (~v). */
typedef struct Change {
	int v, old;
} Change;

struct PackSearch {
	PackPart *part;
	Arena *arena;
	PackIndex index;
	int32_t *size, *align;
	int32_t *rise;              /* by entry of index.near: pack_rise(); NULL:
	                             * the size */
	int32_t *lowest;            /* offset that is still possible; PLACED */
	int32_t *offset;
	int32_t *total;             /* by section: sizes to be placed */
	int *watch;                 /* an item that can lie so low that the
	                             * total fits in on top */
	int *span;                  /* items to be placed that pass its end */
	PackOrder order;
	int64_t *key[PACK_KEYS], *jitter;
	int32_t capacity;
	int64_t nodes, limit;
	bool stopped;               /* by the limit */
	int nchanges, most_changes;
	Change *change;
	int nstack, most_stack;
	int *stack;                 /* lists of items and of candidates */
};

/* Items stack[list .. list + n - 1], the order is their rank; they live in the
 * sections [first, end). What is placed next lies above `offset`, or at it and
 * behind `rank`. */
typedef struct Piece {
	int list, n, first, end;
	int32_t offset;
	int rank;
} Piece;

static bool solve(PackSearch *, Piece);

/* ---- growing arrays ---- */

static void reserve_changes(PackSearch *s, int more)
{
	if (s->nchanges + more <= s->most_changes)
		return;
	int most = 2 * (s->nchanges + more);
	Change *c = arena_array(s->arena, Change, most);
	memcpy(c, s->change, sizeof *c * (size_t)s->nchanges);
	s->change = c;
	s->most_changes = most;
}

static void reserve_stack(PackSearch *s, int more)
{
	if (s->nstack + more <= s->most_stack)
		return;
	int most = 2 * (s->nstack + more);
	int *p = arena_array(s->arena, int, most);
	memcpy(p, s->stack, sizeof *p * (size_t)s->nstack);
	s->stack = p;
	s->most_stack = most;
}

/* ---- placing one item ---- */

static bool watch_holds(const PackSearch *s, int k)
{
	return s->lowest[s->watch[k]] + s->total[k] <= s->capacity;
}

/* Finds another item for the section to watch; false if it cannot take what
 * is left. */
static bool watch_again(PackSearch *s, int k)
{
	s->change[s->nchanges++] = (Change){~k, s->watch[k]};
	if (!s->total[k])
		return true;
	const PackIndex *x = &s->index;
	for (int i = x->member_at[k]; i < x->member_at[k + 1]; i++) {
		s->watch[k] = x->member[i];
		if (watch_holds(s, k))
			return true;
	}
	return false;
}

/* What lives with v, which is at `offset`, must go above. */
static bool raise_near(PackSearch *s, int v, int32_t offset)
{
	int32_t top = offset + s->size[v];
	for (int k = s->index.near_at[v]; k < s->index.near_at[v + 1]; k++) {
		int w = s->index.near[k];
		int at = s->lowest[w];
		if (s->rise)
			top = offset + s->rise[k];
		if (at >= top)
			continue;
		s->change[s->nchanges++] = (Change){w, at};
		at = (int32_t)pack_align(top, s->align[w]);
		s->lowest[w] = at;
		if (at + s->size[w] > s->capacity)
			return false;
	}
	return true;
}

/* Of the sections [first, end), those that watch w. */
static bool watchers_hold(PackSearch *s, int w, int first, int end)
{
	for (int k = first; k < end; k++)
		if (s->watch[k] == w && !watch_holds(s, k) &&
		    !watch_again(s, k))
			return false;
	return true;
}

/* After v was placed, and changes `from` on have raised others. */
static bool sections_hold(PackSearch *s, int v, int from)
{
	const int *first = s->part->first, *end = s->part->end;
	int to = s->nchanges;
	for (int k = first[v]; k < end[v]; k++)
		if (!watch_holds(s, k) && !watch_again(s, k))
			return false;
	for (int i = from; i < to; i++) {
		int w = s->change[i].v;
		if (!watchers_hold(s, w, first[w], first[v]) ||
		    !watchers_hold(s, w, end[v], end[w]))
			return false;
	}
	return true;
}

static bool fits_on(const PackSearch *s, int v)
{
	int32_t room = s->capacity - s->lowest[v];
	for (int k = s->part->first[v]; k < s->part->end[v]; k++)
		if (s->total[k] > room)
			return false;
	return true;
}

static void add_to_totals(PackSearch *s, int v, int32_t sign)
{
	const PackPart *p = s->part;
	for (int k = p->first[v]; !p->piece && k < p->end[v]; k++)
		s->total[k] += sign * s->size[v];
	for (int i = p->piece_at[v]; p->piece && i < p->piece_at[v + 1]; i++) {
		const PackPiece *x = &p->piece[i];
		for (int k = x->first; k < x->end; k++)
			s->total[k] += sign * (int32_t)(x->high - x->low);
	}
}

/* Places v as low as it goes; false if something cannot be placed any more. */
static bool place(PackSearch *s, int v)
{
	int first = s->part->first[v], end = s->part->end[v];
	int32_t at = s->lowest[v];
	reserve_changes(s, 1 + s->index.near_at[v + 1] - s->index.near_at[v] +
	                   2 * s->part->nsections);
	add_to_totals(s, v, -1);
	for (int k = first; k < end - 1; k++)
		s->span[k]--;
	s->offset[v] = at;
	s->change[s->nchanges++] = (Change){v, at};
	s->lowest[v] = PLACED;
	int from = s->nchanges;
	return raise_near(s, v, at) && sections_hold(s, v, from);
}

static void put_back(PackSearch *s, int v)
{
	int first = s->part->first[v], end = s->part->end[v];
	add_to_totals(s, v, 1);
	for (int k = first; k < end - 1; k++)
		s->span[k]++;
}

/* Undoes all but the first so many changes. */
static void take_back(PackSearch *s, int nchanges)
{
	while (s->nchanges > nchanges) {
		Change c = s->change[--s->nchanges];
		if (c.v < 0) {
			s->watch[~c.v] = c.old;
			continue;
		}
		if (s->lowest[c.v] == PLACED)
			put_back(s, c.v);
		s->lowest[c.v] = c.old;
	}
}

/* ---- orders ---- */

static bool ranks_before(const PackSearch *s, int a, int b)
{
	for (int k = 0; k < PACK_KEYS; k++)
		if (s->key[k][a] != s->key[k][b])
			return s->key[k][a] > s->key[k][b];
	return a < b;
}

static void sort_list(const PackSearch *s, int list[], int n)
{
	for (int i = 1; i < n; i++) {
		int v = list[i], j = i;
		for (; j > 0 && ranks_before(s, v, list[j - 1]); j--)
			list[j] = list[j - 1];
		list[j] = v;
	}
}

static int32_t crowd_of(const PackSearch *s, int v)
{
	int32_t most = 0;
	for (int k = s->part->first[v]; k < s->part->end[v]; k++)
		if (s->total[k] > most)
			most = s->total[k];
	return most;
}

/* key * jitter / 64 */
static int64_t jittered(int64_t key, int64_t jitter)
{
	return key / 64 * jitter + key % 64 * jitter / 64;
}

/* How crowded the sections are changes as items are placed. */
static void rank_again(PackSearch *s, int list[], int n)
{
	bool changed = false;
	for (int k = 0; k < PACK_KEYS; k++)
		for (int i = 0; i < n && s->order.key[k] == 'T'; i++) {
			int v = list[i];
			s->key[k][v] = jittered(crowd_of(s, v), s->jitter[v]);
			changed = true;
		}
	if (changed)
		sort_list(s, list, n);
}

/* ---- the tree ---- */

/* The piece of [first, end) of its own: false if it has no placement. */
static bool solve_part(PackSearch *s, Piece p, int first, int end)
{
	Piece q = {s->nstack, 0, first, end, p.offset, -1};
	reserve_stack(s, p.n);
	for (int i = 0; i < p.n; i++) {
		int v = s->stack[p.list + i];
		if (s->lowest[v] < PLACED && s->part->first[v] >= first &&
		    s->part->first[v] < end)
			s->stack[q.list + q.n++] = v;
	}
	s->nstack += q.n;
	rank_again(s, s->stack + q.list, q.n);
	bool good = solve(s, q);
	s->nstack = q.list;
	return good;
}

typedef struct Stretch {
	int first, end;
	int32_t total;           /* largest of its sections */
} Stretch;

/* The stretch that begins at `first`. */
static Stretch stretch_at(const PackSearch *s, Piece p, int first)
{
	Stretch t = {first, first, 0};
	do {
		if (s->total[t.end] > t.total)
			t.total = s->total[t.end];
	} while (s->span[t.end++] && t.end < p.end);
	return t;
}

static bool behind(Stretch a, Stretch b)
{
	return a.total != b.total ? a.total < b.total : a.first > b.first;
}

/* Solves what is left of the piece, the fullest stretch first: it is the one
 * most likely to fail. */
static bool solve_rest(PackSearch *s, Piece p)
{
	Stretch last = {-1, -1, PLACED};
	for (;;) {
		Stretch next = {-1, -1, 0};
		for (int k = p.first; k < p.end;) {
			Stretch t = stretch_at(s, p, k);
			k = t.end;
			if (t.total && behind(t, last) &&
			    (next.first < 0 || behind(next, t)))
				next = t;
		}
		if (next.first < 0)
			return true;
		if (next.first == p.first && next.end == p.end)
			return solve(s, p);
		if (!solve_part(s, p, next.first, next.end))
			return false;
		last = next;
	}
}

/* No higher offset need be tried next: something would not fit any more, or
 * there would be a hole into which an item fits. */
static int32_t highest_offset(const PackSearch *s, Piece p)
{
	int32_t hole = PLACED, most = 0;
	for (int i = 0; i < p.n; i++) {
		int v = s->stack[p.list + i];
		if (s->lowest[v] + s->size[v] < hole)
			hole = s->lowest[v] + s->size[v];
	}
	for (int k = p.first; k < p.end; k++)
		if (s->total[k] > most)
			most = s->total[k];
	return s->capacity - most < hole - 1 ? s->capacity - most : hole - 1;
}

/* Pushes the ranks of what may be placed next, by offset. */
static int push_candidates(PackSearch *s, Piece p)
{
	int32_t highest = highest_offset(s, p);
	reserve_stack(s, p.n);
	const int *list = s->stack + p.list;
	int n = 0, *candidate = s->stack + s->nstack;
	for (int i = 0; i < p.n; i++) {
		int32_t at = s->lowest[list[i]];
		if (at > highest || at < p.offset ||
		    (at == p.offset && i <= p.rank))
			continue;
		int j = n++;
		for (; j > 0 && s->lowest[list[candidate[j - 1]]] > at; j--)
			candidate[j] = candidate[j - 1];
		candidate[j] = i;
	}
	s->nstack += n;
	return n;
}

static bool solve(PackSearch *s, Piece p)
{
	bool found = false;
	int n = push_candidates(s, p), candidate = s->nstack - n;
	for (int i = 0; i < n && !found && !s->stopped; i++) {
		int rank = s->stack[candidate + i];
		int v = s->stack[p.list + rank], nchanges = s->nchanges;
		s->stopped = ++s->nodes > s->limit;
		if (!fits_on(s, v))
			continue;
		Piece rest = p;
		rest.offset = s->lowest[v];
		rest.rank = rank;
		found = place(s, v) && solve_rest(s, rest);
		if (!found)
			take_back(s, nchanges);
	}
	s->nstack = candidate;
	return found;
}

/* ---- from outside ---- */

static void set_keys(PackSearch *s, PackOrder order, uint64_t seed)
{
	const PackPart *p = s->part;
	s->order = order;
	for (int i = 0; i < p->n; i++)
		s->jitter[i] = 64 + (seed ? (int64_t)(splitmix64(&seed) % 16)
		                          : 0);
	for (int k = 0; k < PACK_KEYS; k++)
		for (int i = 0; i < p->n; i++)
			s->key[k][i] = jittered(pack_key(p, order.key[k], i),
			                        s->jitter[i]);
}

static void reset(PackSearch *s)
{
	const PackPart *p = s->part;
	memset(s->lowest, 0, sizeof *s->lowest * (size_t)p->n);
	memset(s->span, 0, sizeof *s->span * (size_t)p->nsections);
	for (int k = 0; k < p->nsections; k++) {
		s->total[k] = (int32_t)p->total[k];
		s->watch[k] = s->index.member[s->index.member_at[k]];
	}
	for (int i = 0; i < p->n; i++)
		for (int k = p->first[i]; k < p->end[i] - 1; k++)
			s->span[k]++;
	s->nodes = 0;
	s->nchanges = s->nstack = 0;
	s->stopped = false;
}

PackOutcome pack_search(PackSearch *s, int64_t capacity, PackOrder order,
                        uint64_t seed, int64_t limit, int64_t offset[])
{
	PackPart *p = s->part;
	reset(s);
	set_keys(s, order, seed);
	s->capacity = (int32_t)capacity;
	s->limit = limit;
	reserve_stack(s, p->n);
	for (int i = 0; i < p->n; i++)
		s->stack[i] = i;
	s->nstack = p->n;
	rank_again(s, s->stack, p->n);
	bool found = solve(s, (Piece){0, p->n, 0, p->nsections, 0, -1});
	p->nodes += s->nodes;
	for (int i = 0; i < p->n && found; i++)
		offset[i] = s->offset[i];
	return found ? PACK_FOUND : s->stopped ? PACK_LIMIT : PACK_NONE;
}

/* All numbers stay far from overflow. */
static bool numbers_fit(const PackPart *p)
{
	int64_t align = 1;
	for (int i = 0; i < p->n; i++)
		if (p->align[i] > align)
			align = p->align[i];
	return p->height < PLACED / 4 && align < PLACED / 4;
}

static void find_rises(PackSearch *s)
{
	const PackIndex *x = &s->index;
	s->rise = arena_array(s->arena, int32_t, x->near_at[s->part->n]);
	for (int v = 0; v < s->part->n; v++)
		for (int k = x->near_at[v]; k < x->near_at[v + 1]; k++)
			s->rise[k] = (int32_t)pack_rise(s->part, v, x->near[k]);
}

static void make_arrays(PackSearch *s)
{
	const PackPart *p = s->part;
	s->size = arena_array(s->arena, int32_t, p->n);
	s->align = arena_array(s->arena, int32_t, p->n);
	s->lowest = arena_array(s->arena, int32_t, p->n);
	s->offset = arena_array(s->arena, int32_t, p->n);
	s->total = arena_array(s->arena, int32_t, p->nsections);
	s->watch = arena_array(s->arena, int, p->nsections);
	s->span = arena_array(s->arena, int, p->nsections);
	s->jitter = arena_array(s->arena, int64_t, p->n);
	s->most_changes = s->most_stack = p->n;
	s->change = arena_array(s->arena, Change, s->most_changes);
	s->stack = arena_array(s->arena, int, s->most_stack);
	for (int k = 0; k < PACK_KEYS; k++)
		s->key[k] = arena_array(s->arena, int64_t, p->n);
	for (int i = 0; i < p->n; i++) {
		s->size[i] = (int32_t)p->size[i];
		s->align[i] = (int32_t)p->align[i];
	}
}

PackSearch *pack_search_create(PackPart *p)
{
	PackIndex index;
	if (p->n > MOST_ITEMS || !numbers_fit(p) || !pack_index(p, &index))
		return NULL;
	PackSearch *s = arena_new(p->arena, PackSearch);
	s->part = p;
	s->arena = p->arena;
	s->index = index;
	make_arrays(s);
	if (p->piece)
		find_rises(s);
	return s;
}

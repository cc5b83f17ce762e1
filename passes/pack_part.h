/*
 * What the parts of the packer share. In this order:
 *
 *   pack.c         scales the sizes, splits the items into parts, adds up
 *   pack_part.c    one part: its sections, its best placement
 *   pack_ladder.c  ... which it looks for in these ways, the quick ones first:
 *   pack_order.c   orders of the items
 *   pack_fill.c    greedy: always the item that can lie lowest
 *   pack_fit.c     greedy: one item after the other, in the best gap
 *   pack_wheel.c   greedy again: what ended up too high goes earlier
 *   pack_index.c   small parts: who lives with whom
 *   pack_search.c  exact: a tree of all bottom-left placements
 *
 * A section is a stretch of time with a constant set of live items; those
 * whose set is contained in another section's are dropped. An item lives in a
 * range of sections, and two items live together if their ranges meet.
 */
#ifndef PASSES_PACK_PART_H
#define PASSES_PACK_PART_H

#include "ir/arena.h"
#include "passes/pack.h"

/* A window of an item: its sections, and what it takes there. */
typedef struct PackPiece {
	int first, end;
	int64_t low, high;       /* from the item's offset */
} PackPiece;

/* Items that no instant of time separates. */
typedef struct PackPart {
	Arena *arena;            /* scratch: dies with the packing */
	int n, nsections;
	int *first, *end;        /* by item: its sections, [first, end) */
	int64_t *size, *align;   /* by item, in units */
	int *piece_at;           /* those of i: piece[piece_at[i]] up to that of */
	PackPiece *piece;        /*   i + 1; NULL: all items have one, of size */
	int64_t *life;           /* by item: its length in time */
	int64_t *total;          /* by section: sum of sizes */
	int64_t *crowd;          /* by item: its largest total */
	int64_t bound;           /* proved: no placement is lower */
	int64_t goal;            /* there is no need to be lower, */
	bool decide;             /*   nor to come closer */
	int64_t nodes, budget;   /* used, allowed */
	int64_t height;          /* of the best placement so far, */
	int64_t *offset;         /*   by item */
} PackPart;

PackPart *pack_part(Arena *, int n, const PackItem[], int64_t unit);
/* How much higher than a, at least, b must lie to be above it where both live:
 * they do. */
int64_t pack_rise(const PackPart *, int a, int b);
void pack_place(PackPart *);

static inline int64_t pack_align(int64_t x, int64_t align)
{
	return align == 1 ? x : (x + align - 1) / align * align;
}

/* Keeps the placement if it is the lowest so far; true if the goal is met. */
bool pack_keep(PackPart *, const int64_t offset[]);
bool pack_spent(const PackPart *);   /* the budget is */

/* ---- orders ---- */

enum { PACK_KEYS = 3 };

/* What items are sorted by, lexicographically, all descending; ties by index.
 * Letters: T largest section, W life, A area, Z size, S early start, E late
 * end. */
typedef struct PackOrder {
	char key[PACK_KEYS + 1];
} PackOrder;

extern const PackOrder pack_orders[];
extern const int pack_norders;

int64_t pack_key(const PackPart *, char letter, int item);
/* by[]: all items, sorted. */
void pack_sort(const PackPart *, PackOrder, int by[]);

/* ---- greedy ---- */

typedef struct PackFill PackFill;

PackFill *pack_fill_create(PackPart *);
/* Ties for the lowest place go to the item that is earlier in by[]. */
void pack_fill(PackFill *, const int by[], int64_t offset[]);

/* In the order by[]: the lowest gap, or the tightest. Quadratic. */
void pack_fit(PackPart *, const int by[], bool tightest, int64_t offset[]);

/* Improves on by[] (which it changes) for so many rounds. */
void pack_wheel(PackPart *, PackFill *, int by[], int64_t rounds);

/* ---- exact ---- */

/* The entries of i are list[list_at[i] .. list_at[i + 1] - 1]. */
typedef struct PackIndex {
	int *near_at, *near;        /* by item: those that live with it */
	int *member_at, *member;    /* by section: those that live in it */
} PackIndex;

bool pack_index(const PackPart *, PackIndex *);   /* false: too large */

typedef struct PackSearch PackSearch;
typedef enum PackOutcome { PACK_FOUND, PACK_NONE, PACK_LIMIT } PackOutcome;

PackSearch *pack_search_create(PackPart *);   /* NULL: too large for it */
/* Looks for a placement of at most `capacity` for at most `limit` nodes. The
 * order is jittered if `seed` is not 0. */
PackOutcome pack_search(PackSearch *, int64_t capacity, PackOrder,
                        uint64_t seed, int64_t limit, int64_t offset[]);

#endif

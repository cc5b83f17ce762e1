/*
 * Packing: offsets for items that live for a while in one block of memory, so
 * that the block is as low as possible and no two items that live at the same
 * time overlap (dynamic storage allocation). Knows nothing of graphs.
 *
 * Same items, same limits: same offsets. The effort is counted in nodes (one
 * item placed once), never in seconds; whenever it ends, the best placement
 * found so far stands. Memory grows linearly with the number of items.
 */
#ifndef PASSES_PACK_H
#define PASSES_PACK_H

#include <stdbool.h>
#include <stdint.h>

/* During [lower, upper) an item takes [low, high) from its offset on; neither is
 * empty. */
typedef struct PackWindow {
	int64_t lower, upper, low, high;
} PackWindow;

typedef struct PackItem {
	int64_t lower, upper;   /* it lives in [lower, upper), not empty */
	int64_t size;           /* 0 or more */
	int64_t align;          /* of its offset; 0 is 1 */
	int nwindows;           /* 0: all of its size, all the time. Else one */
	const PackWindow *window;   /*   after the other, without gaps, within */
} PackItem;                         /*   its life and its size */

typedef struct PackLimits {
	int64_t capacity;       /* this height will do; 0: the lowest */
	int64_t nodes;          /* 0: PACK_NODES */
} PackLimits;

#define PACK_NODES 5000000

typedef struct PackResult {
	int64_t height;         /* of the placement found */
	int64_t bound;          /* no placement is lower. height == bound is a
	                         * proof that it is the lowest, bound > capacity
	                         * that there is none of that capacity */
	int64_t nodes;          /* used */
} PackResult;

/* Where sizes are no multiples of what divides all alignments, they count as
 * rounded up to it. The sizes must add up to less than 2^62. */
PackResult pack(int n, const PackItem item[], PackLimits, int64_t offset[]);

#endif

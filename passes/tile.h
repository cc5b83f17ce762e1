/* A part of the graph that is computed in horizontal bands: see tile.c. */
#ifndef PASSES_TILE_H
#define PASSES_TILE_H

#include "ir/band.h"
#include "ir/options.h"

/* What becomes of one value in one step. */
typedef struct TileStep {
	int64_t ahead;        /* where they would end, if there were rows without
	                       * end in both directions */
	Band read;            /* rows that are read, */
	Band fresh;           /*   and those that are computed */
	int64_t keep;         /* from this row on, it is read now or later */
} TileStep;

typedef struct Tiling {
	Graph *g;
	Arena *scratch;
	Value *to;
	int n;
	Node **node;          /* that compute it, in their order */
	bool *inside;         /* by node id */
	int nsteps;
	TileStep **step;      /* by value id; NULL: no rows of it are read */
	Node **last;          /* by value id: of the nodes, the last reader */
} Tiling;

/* Can the node, or all that it stands for, be computed in bands? */
bool tile_takes(const Node *);
/* Of how many nodes `to` would be tiled, and how many of these have windows. */
int tile_reach(Graph *, Value *to, int *windows);

/* Adds values to be tiled to o, until an arena of so many bytes should do for the
 * function, which is as it was before the passes, or none helps. True if it did. */
bool tile_search(const Graph *, int64_t arena_bytes, Options *o);

/* In front of the node that computes `to`; what takes the place of `to`. */
Value *tile_build(const Tiling *);

#endif

/* How a gradient can be used without being whole in memory. */
#ifndef PASSES_GRADIENT_TILE_H
#define PASSES_GRADIENT_TILE_H

#include "ir/graph.h"

typedef struct Tile {
	bool by_element;      /* where it is stored, without loss of speed; */
	bool by_sum;          /*   or as a sum: all that is stored comes from */
	                      /*   functions that have an epilogue, or is 0, and */
	                      /*   little is added to it; */
	int64_t rows, bytes;  /*   or by so many rows at a time; 0: it cannot */
} Tile;

/* Is the node's result one that may be a gradient, by loops of its own? */
bool is_gradient(const Node *);
/* `workspace`: may kernels have one? `must`: rather at a loss of speed than not;
 * but what is no larger than other tiles is as good as one. */
Tile tile_of(const Node *, bool workspace, bool must);

/* Bytes of the gradient that n computes which are in memory at a time if it is
 * added to a sum where it is computed: a tile, none, or all of it where that
 * cannot be. */
int64_t fused_gradient_bytes(const Node *n, bool workspace);

#endif

/*
 * Pieces: what a node only hands on. A Slice, a Split, a Concat move elements
 * that, where the layout allows, are the same bytes in the same order before
 * and after. If the plan puts them into the same place, nothing is to be moved.
 */
#ifndef IR_PIECE_H
#define IR_PIECE_H

#include "ir/op.h"

/* The node's pieces, at most nin + nout, none of them empty; those of one output
 * have no element in common. A view is one piece. 0: it computes. */
int node_pieces(const Node *, Piece piece[]);

/* Are all elements before `axis` one of their kind, so that what is cut along it
 * is contiguous? For the operators' definitions. */
bool piece_is_contiguous(Shape, int axis);

/* A kernel that moves these pieces and does nothing else. */
Kernel *piece_kernel(Arena *, const Node *, int n, const Piece piece[]);

#endif

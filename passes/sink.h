/* What the pass sink is made of: see sink.c. */
#ifndef PASSES_SINK_H
#define PASSES_SINK_H

#include "ir/op.h"

/* NULL: the node is no Transpose. */
const int64_t *sink_perm(const Node *);
/* How many leading axes the node permutes; 0: it is not a Transpose, or moves
 * the last axis. */
int sink_leading(const Node *);
/* Does the result have the first k axes of input i, the elements behind each
 * index into those depending on no other of this input? */
bool sink_row_wise(const Node *, int i, int k);
Value *sink_transposed(Graph *, Loc, Value *, const int64_t *perm);

/* ---- sink_ends.c: where the data come in, and where the loss is ---- */

/* Is v, or what it is computed from row by row, data whose batch is one of the
 * first k axes but not the first? */
bool sink_rises(const Value *v, int k);
/* The Transpose of such a value, nearer to the data; NULL: it is at the end, or
 * none. */
Value *sink_lift(Graph *, Node *transpose);

/* Is it a loss to which it is all the same in which order the first k axes
 * of input i come? */
bool sink_absorbs(const Node *, int i, int k);
/* That of what was transposed, if it is so; NULL: it is not. */
Value *sink_absorb(Graph *, Node *);
/* Where labels have steps first and the logits were a matrix for a product: the
 * same loss of both transposed, which then goes up. */
Value *sink_turn_loss(Graph *, Node *);
/* Is v, a matrix, read as that shape, computed row by row from what a Transpose
 * of leading axes gives? */
bool sink_springs(const Value *v, Shape as);
/* Its other inputs, where they go along with a Transpose of input i. */
bool sink_goes_along(const Node *, int i, int j, int k);
/* The Transpose of input j with which the node, of input i not transposed, is
 * what it was before a Transpose. */
Value *sink_taken_along(Graph *, const Node *, int j, const Node *transpose);

#endif

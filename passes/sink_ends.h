/* Where the data come in, and where the loss is: see sink.c. */
#ifndef PASSES_SINK_ENDS_H
#define PASSES_SINK_ENDS_H

#include "ir/op.h"

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
/* Is it a loss whose labels have steps first, of logits that a Reshape makes of a
 * matrix? */
bool sink_may_turn_loss(const Node *);
/* The same loss of both transposed. */
Value *sink_turn_loss(Graph *, Node *);
/* The Transpose of input j with which the node, of input i not transposed, is
 * what it was before a Transpose. */
Value *sink_taken_along(Graph *, const Node *, int j, const Node *transpose);

#endif

/* Transposes of leading axes, and the nodes that work row by row, whichever way
 * the rows come. */
#ifndef PASSES_SINK_ROWS_H
#define PASSES_SINK_ROWS_H

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

/* Data whose batch is one of the first k axes but not the first? */
bool sink_has_batch_later(const Value *, int k);
/* Does input j go along with a Transpose of input i? */
bool sink_goes_along(const Node *, int i, int j, int k);
/* Is it a Dropout, of input i, that may still be told to count across the first
 * two axes? */
bool sink_drops_across(const Node *, int i, int k);

#endif

/* Which parts tuples of indices name: what GatherND, its gradient and ScatterND
 * share. */
#ifndef IR_GATHER_ND_H
#define IR_GATHER_ND_H

#include "ir/op.h"

/* The shape of what the tuples (the last dimension of `index`) name of `whole`.
 * The first `batch` dimensions of the two are the same. False after error_at(). */
bool gather_nd_shape(Unit *, const Node *, Shape whole, const Value *index,
                     int64_t batch, Shape *part);
/* Opens one loop for each dimension of the part: where each element lies in the
 * whole (guarded, as a tuple may be wrong) and in the part. */
void gather_nd_open(Kernel *, Shape whole, const Value *index, int batch,
                    Index in_whole[], Index in_part[]);

#endif

/* Which elements an index takes: what Gather and GatherGrad share. */
#ifndef IR_GATHER_H
#define IR_GATHER_H

#include "ir/op.h"

enum { GATHER_AXIS, GATHER_NATTRS };
#define GATHER_ATTRS [GATHER_AXIS] = {"axis", ATTR_INT, true, 0}

/* The axis from 0; the node was inferred. */
int gather_axis(const Node *, Shape whole);
/* The shape of what is gathered from `whole`. False after error_at(). */
bool gather_shape(Unit *, const Node *, Shape whole, const Value *index,
                  Shape *part);
/* Opens the loops over all gathered elements: where each lies in the whole
 * (guarded, as the index may be wrong) and in the part. */
void gather_open(Kernel *, const Node *, Shape whole, const Value *index,
                 Index in_whole[], Index in_part[]);
void gather_close(Kernel *, Shape part);

/* A scalar variable: the index, which counts from the end if it is negative. */
int gather_index(Kernel *, Expr *index, int64_t dim);

#endif

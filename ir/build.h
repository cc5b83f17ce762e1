/* Nodes that many gradients need, in one call each. */
#ifndef IR_BUILD_H
#define IR_BUILD_H

#include "ir/graph.h"

/* All give the value itself where its shape is already right. */
Value *build_reshape(Graph *, Loc, Value *, Shape);
Value *build_sum_to(Graph *, Loc, Value *, Shape);
Value *build_expand(Graph *, Loc, Value *, Shape);
Value *build_scale(Graph *, Loc, Value *, double);   /* itself where 1 */
Value *build_affine(Graph *, Loc, Value *, double scale, double add);

#endif

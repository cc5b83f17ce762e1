/* What GatherElements, its gradient, ScatterElements and ScatterND share. */
#ifndef IR_SCATTER_H
#define IR_SCATTER_H

#include "ir/op.h"

enum { SCATTER_AXIS, SCATTER_NAXIS };
#define SCATTER_AXIS_ATTR [SCATTER_AXIS] = {"axis", ATTR_INT, true}
#define SCATTER_REDUCTION_ATTR {"reduction", ATTR_STRING, true, .s = "none"}

/* Do the indices replace the place along the node's axis for elements of
 * `whole`? False after error_at(). */
bool scatter_fits(Unit *, const Node *, Shape whole, const Value *index);
bool scatter_like(Unit *, const Node *, const Value *, Shape);
/* The output is like input 0, of which input 2 has the type. */
bool scatter_infer(Unit *, Node *, const char *reduction);

/* Opens one loop for each dimension of the index, and finds the element of
 * `whole` that it names: `at`, guarded, as it may be wrong. */
void scatter_open(Kernel *, const Node *, Shape whole, const Value *index,
                  int loop[], Index at[]);
void scatter_copy(Kernel *, const Value *from, const Value *to);
void scatter_store(Kernel *, const Value *, const Index at[], Expr *,
                   const char *reduction);

/* `gather` gives of a value like the output what the indices name. */
void scatter_grad(Graph *, Node *, const char *reduction, Value *dy,
                  Value *gather(Graph *, const Node *, Value *),
                  const bool want[], Value *dx[]);

/* Rows, if all are divided and the axis is not the first. */
PartsRule scatter_parts;

#endif

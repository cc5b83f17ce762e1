/*
 * Reverse-mode differentiation on the graph: gradients are ordinary nodes,
 * appended after the forward ones.
 */
#ifndef PASSES_AUTODIFF_H
#define PASSES_AUTODIFF_H

#include "ir/graph.h"

/*
 * The gradients of sum over i of <of[i], seed[i]> with respect to the values
 * whose `wanted` is true (an array by value id, of g->nvalues). Returns an
 * arena array by value id: the gradient, of its value's type and shape, or NULL
 * where none flows. Only nodes between the wanted values and `of` are
 * differentiated; one that cannot be is reported with error_at().
 */
Value **differentiate(Graph *g, Value *const of[], Value *const seed[], int n,
                      const bool *wanted);

#endif

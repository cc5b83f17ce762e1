/*
 * Updates that are linear in the gradient, found from their arithmetic:
 *
 *     w' = alpha g + beta w
 *
 * where alpha and beta depend on scalars alone: SGD with or without weight decay,
 * a sum over the parts of a batch. A function that computes g and has an
 * epilogue (see Arg) then needs no memory for it.
 */
#ifndef IR_LINEAR_H
#define IR_LINEAR_H

#include "ir/kernel.h"

typedef struct Linear {
	const Value *from, *to;   /* w and w', in the same place */
	Expr *alpha, *beta;
} Linear;

/* Is what the members of n from the `first` on make of g, its only result, of
 * that form? Then alpha and beta are expressions for k, at its tail. */
bool linear_update(Kernel *k, const Node *n, int first, const Value *g,
                   Linear *);

#endif

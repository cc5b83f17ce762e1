/*
 * Updates that are linear in the gradient, or in several that are added up,
 * found from their arithmetic:
 *
 *     w' = alpha g + beta w
 *
 * where alpha and beta depend on scalars alone: SGD with or without weight decay,
 * a sum over the parts of a batch. A function that computes g and has an
 * epilogue (see Arg) then needs no memory for it; nor does what adds to g.
 */
#ifndef IR_LINEAR_H
#define IR_LINEAR_H

#include "ir/kernel.h"

enum { MOST_GRADIENTS = 4 };

typedef struct Linear {
	const Value *from, *to;   /* w and w', in the same place */
	Expr *alpha[MOST_GRADIENTS], *beta;
} Linear;

/* The first members of n, so many, compute gradients. Is what the others make of
 * these, its only result, of that form? Then alpha, of each, and beta are
 * expressions for k, at its tail. */
bool linear_update(Kernel *k, const Node *n, int ngradients, Linear *);

#endif

/*
 * What Resize and its gradient share. Along each axis that is resized, place o of
 * the result is a weighted sum of `taps` places of x; tables say which, and
 * with what weights: the node's inputs behind the first are, for each axis, the
 * places (i32, taps for each o) and the weights (as many; absent: all 1). A
 * place outside of x stands for the attribute `outside`.
 */
#ifndef IR_RESIZE_H
#define IR_RESIZE_H

#include "ir/op.h"

enum { RESIZE_AXES, RESIZE_TAPS, RESIZE_NATTRS };

#define RESIZE_ATTRS \
	[RESIZE_AXES] = {"axes", ATTR_INTS}, [RESIZE_TAPS] = {"taps", ATTR_INTS}

/* The shape that x of the shape `from` is resized to. False after error_at(). */
bool resize_shape(Unit *, const Node *, Shape from, Shape *to);

typedef struct ResizeLoops {
	Index x[MAX_RANK], y[MAX_RANK];   /* the element of each; x's guarded */
	Expr *weight;                     /* NULL: 1 */
	int inner;                        /* loops over taps */
} ResizeLoops;

/* Opens the loops over y; then those over the taps of one element. */
void resize_open(Kernel *, const Node *, Shape y, ResizeLoops *);
void resize_open_taps(Kernel *, const Node *, DType, ResizeLoops *);
bool resize_names_first(const Node *);

#endif

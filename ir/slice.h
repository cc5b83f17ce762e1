/* Which elements a slice takes: what Slice and SliceGrad share. */
#ifndef IR_SLICE_H
#define IR_SLICE_H

#include "ir/op.h"

/*
 * starts, ends: from 0, within the dimension; a negative end stands before
 * element 0, for a step down. axes: absent means the first ones; steps: 1.
 */
enum { SLICE_STARTS, SLICE_ENDS, SLICE_AXES, SLICE_STEPS, SLICE_NATTRS };
#define SLICE_ATTRS \
	[SLICE_STARTS] = {"starts", ATTR_INTS}, \
	[SLICE_ENDS] = {"ends", ATTR_INTS}, \
	[SLICE_AXES] = {"axes", ATTR_INTS}, \
	[SLICE_STEPS] = {"steps", ATTR_INTS}

typedef struct Slice {
	Shape shape;                            /* of the slice */
	int64_t at[MAX_RANK], step[MAX_RANK];   /* by dimension of the whole */
} Slice;

/* Of a whole of that shape. False after error_at(). */
bool slice_of(Unit *, const Node *, Shape whole, Slice *);
/* Where element `at` of the slice is in that whole. */
int64_t slice_element(const Slice *, Shape whole, int64_t at);
/* Is the first dimension named, be it to keep all of it? */
bool slice_names_first(const Node *);

#endif

/* What the operators along one axis (Softmax, the losses over classes, ...)
 * share: loops over all lines of elements that differ in that axis only. */
#ifndef IR_AXIS_H
#define IR_AXIS_H

#include "ir/op.h"

enum { AXIS };   /* the attribute; an operator's others come behind it */

#define AXIS_ATTR(standard) \
	[AXIS] = {"axis", ATTR_INT, true, .i = (standard)}
#define AXIS_ATTRS(standard) ATTRS(AXIS_ATTR(standard))

/* The output is like the first input, which has that axis; all inputs have one
 * shape and type. */
bool axis_infer(Unit *, Node *);
/* Rows of the batch, if the axis is no part of that. */
PartsRule axis_parts;
/* The axis, from 0; the node was inferred. */
int axis_of(const Node *, Shape);

typedef struct Line {
	int axis, rank;
	int64_t extent;        /* elements of one line */
	Index at[MAX_RANK];    /* one loop for each other axis */
} Line;

/* Opens the loops over the lines. */
Line line_open(Kernel *, const Node *, Shape);
void line_close(Kernel *, const Line *);
/* Opens a loop along the line and returns the element's index, which stays
 * valid to the next call; the caller ends it with k_end(). */
Index *line_for(Kernel *, Line *);

/* Scalar variables computed over one line: the greatest element m, and
 * ln(sum of e^(x - m)). */
int line_max(Kernel *, Line *, const Value *x);
int line_log_sum_exp(Kernel *, Line *, const Value *x, int max);

#endif

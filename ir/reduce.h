/* What the reductions over axes (ReduceSum, ReduceMax, ...) share. */
#ifndef IR_REDUCE_H
#define IR_REDUCE_H

#include "ir/op.h"

/* axes: absent or empty means all; with noop_with_empty_axes, none. */
enum { REDUCE_AXES, REDUCE_KEEPDIMS, REDUCE_NOOP };

#define REDUCE_ATTRS \
	ATTRS([REDUCE_AXES] = {"axes", ATTR_INTS}, \
	      [REDUCE_KEEPDIMS] = {"keepdims", ATTR_INT, true, .i = 1}, \
	      [REDUCE_NOOP] = {"noop_with_empty_axes", ATTR_INT, true})

bool reduce_infer(Unit *, Node *);
/* The input's shape with 1 for each axis that is reduced. */
Shape reduce_kept(const Node *);
/* How many elements make one of the output. */
int64_t reduce_count(const Node *);

/*
 * The kept axes are the outer loops, the reduced ones the inner, so the result
 * stays in a register: r = combine(r, x) from r = 0, or from the first element
 * if `from_first`; then finish(r), unless NULL.
 */
typedef Expr *Combine(Kernel *, Expr *r, Expr *x);
typedef Expr *Finish(Kernel *, const Node *, Expr *r);
void reduce_lower(Kernel *, const Node *, bool from_first, Combine *, Finish *);

/* A value of the output's shape, in the shape that broadcasts with the input. */
Value *reduce_align(Graph *, const Node *, Value *);

/* For the greatest and the least: an empty reduction is an error, and elements
 * that tie share the gradient equally. */
bool reduce_infer_nonempty(Unit *, Node *);
void reduce_grad_ties(Graph *, Node *, Value *const dy[], const bool want[],
                      Value *dx[]);

/* Rows where the first axis is kept. Else a sum of sums, a mean of means, or
 * nothing. */
PartsRule reduce_parts_kept, reduce_parts_sum, reduce_parts_mean;

#endif

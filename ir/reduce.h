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

/* The loops of a reduction: the kept axes are the outer ones, the reduced ones
 * the inner, so that a result stays in a register. */
typedef struct ReduceLoops {
	bool reduced[MAX_RANK];
	int loop[MAX_RANK], nkept, nreduced;
} ReduceLoops;

void reduce_open_kept(Kernel *, const Node *, ReduceLoops *);
/* May be opened and ended again and again inside of those. */
void reduce_open_reduced(Kernel *, const Node *, ReduceLoops *);
/* The output's element: row-major over the kept axes. */
Index reduce_output_at(const Node *, const ReduceLoops *);

/* r = combine(r, x) from `from` on; then finish(r), unless NULL. */
typedef enum ReduceFrom { FROM_ZERO, FROM_ONE, FROM_FIRST } ReduceFrom;
typedef Expr *Combine(Kernel *, Expr *r, Expr *x);
typedef Expr *Finish(Kernel *, const Node *, Expr *r);
void reduce_lower(Kernel *, const Node *, ReduceFrom, Combine *, Finish *);
Combine reduce_add_square;   /* r + x^2 */

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

/* What the pooling operators share: windows over each channel of
 * x [N, C, D1, ...] by itself. */
#ifndef IR_POOL_H
#define IR_POOL_H

#include "ir/window.h"

enum { POOL_CEIL = W_NATTRS, POOL_NATTRS };
#define POOL_ATTRS \
	WINDOW_ATTRS, \
	[POOL_CEIL] = {"ceil_mode", ATTR_INT, true, 0}
enum { AVERAGE_COUNT_PADS = POOL_NATTRS, AVERAGE_NATTRS };
#define AVERAGE_ATTRS \
	POOL_ATTRS, \
	[AVERAGE_COUNT_PADS] = {"count_include_pad", ATTR_INT, true, 0}

/* The shape of the pooled x. False after error_at(). */
bool pool_shape(Unit *, const Node *, Shape x, Shape *y);
/* For a gradient operator: n->out[0] gets the shape in attribute `which`, if
 * pooling it gives n->in[0]'s. False after error_at(). */
bool pool_grad_infer(Unit *, Node *, int which);

/* The operator's Grad node: all of its attributes, and x's shape. */
Value *pool_gradient(Graph *, Node *, const OpDef *, int nin, Value *const in[]);

/* Opens the loops over y's images and channels, in each of which dx begins as 0:
 * so that dx may lie over what has been read of y; then those over its outputs.
 * Close with k_end_n(rank of y). */
void pool_for_gradient(Kernel *, const Value *dx, const Value *dy, int loop[]);

/* What an average divides by, at the output where the loops stand: a constant
 * where all windows have the same number of elements. */
Expr *pool_count(Kernel *, const Node *, const Window *, const int loop[],
                 Shape x, Shape y);

/* Maximum of the elements that are fed in order, and the place of the first of
 * them; a NaN is the largest of all. */
typedef struct Best {
	int value, place;   /* scalar variables; place < 0: not wanted */
} Best;

/* The coordinates of a place in its window, as scalar variables. */
void pool_split_place(Kernel *, const Window *, Expr *place, int cell[]);

bool best_type(Unit *, const Node *);   /* may it be taken of in[0]? */
double best_least(DType);               /* never larger than an element */
Best best_start(Kernel *, DType, Expr *place);
void best_feed(Kernel *, const Best *, Expr *x, Index place);
/* What holds a place among `count`: u8 if that is enough. */
DType best_place_type(int64_t count);

#endif

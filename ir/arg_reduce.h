/* Where along an axis the greatest or the least element is: ArgMax, ArgMin. */
#ifndef IR_ARG_REDUCE_H
#define IR_ARG_REDUCE_H

#include "ir/op.h"

enum { ARG_AXIS, ARG_KEEPDIMS, ARG_LAST };

#define ARG_REDUCE_ATTRS \
	ATTRS([ARG_AXIS] = {"axis", ATTR_INT, true}, \
	      [ARG_KEEPDIMS] = {"keepdims", ATTR_INT, true, .i = 1}, \
	      [ARG_LAST] = {"select_last_index", ATTR_INT, true})

bool arg_reduce_infer(Unit *, Node *);
/* The first element that no other beats; with select_last_index, the last. */
typedef Expr *Beats(Kernel *, Expr *, Expr *);
void arg_reduce_lower(Kernel *, const Node *, Beats *);
PartsRule arg_reduce_parts;

#endif

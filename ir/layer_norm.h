/* What LayerNormalization and its gradients share: rows of x are the axes from
 * `axis` on. */
#ifndef IR_LAYER_NORM_H
#define IR_LAYER_NORM_H

#include "ir/op.h"

enum { LN_AXIS, LN_EPSILON };

#define LAYER_NORM_ATTRS \
	ATTRS([LN_AXIS] = {"axis", ATTR_INT, true, .i = -1}, \
	      [LN_EPSILON] = {"epsilon", ATTR_FLOAT, true, .f = 1e-5})

/* From 0; x is input 0, or input 1 of a gradient, of the same rank. */
static inline int layer_norm_axis(const Node *n)
{
	int64_t axis = attr_int(n, LN_AXIS);
	return (int)(axis < 0 ? axis + n->in[0]->shape.rank : axis);
}

/* Elements of a row. */
static inline int64_t layer_norm_count(const Node *n)
{
	int64_t count = 1;
	for (int a = layer_norm_axis(n); a < n->in[0]->shape.rank; a++)
		count *= n->in[0]->shape.dim[a];
	return count;
}

/* Opens the loops along a row. */
static inline void layer_norm_row(Kernel *k, Shape x, int axis, int loop[])
{
	for (int a = axis; a < x.rank; a++)
		loop[a] = k_for(k, x.dim[a]);
}

/* Rows of the batch, if it is no part of a row. All four operators give an output
 * of x's shape first. */
static inline bool layer_norm_parts(const Node *n, const bool part[],
                                    PartKind out[])
{
	return layer_norm_axis(n) > 0 &&
	       parts_align(n, part, n->out[0]->shape) &&
	       parts_give(n, PART_ROWS, out);
}

#endif

/*
 * Moving elements between two places of which each is walked with strides:
 * what Transpose, Slice, Concat, Pad and their gradients have in common.
 * Adjacent dimensions that both sides walk as one become one loop.
 */
#ifndef IR_MOVE_H
#define IR_MOVE_H

#include "ir/kernel.h"

enum { MAX_MOVE = 2 * MAX_RANK };

typedef struct Side {
	const Value *v;
	int64_t start;              /* element that the walk begins with */
	int64_t stride[MAX_MOVE];   /* in elements, by dimension; may be < 0 */
} Side;

typedef struct Move {
	int rank;
	int64_t dim[MAX_MOVE];
	Side from, to;
	bool add;                   /* to += from */
} Move;

/* All of v in row-major order. */
Side side_whole(const Value *v);
/* s.dim places of v, of which the first is element at[] and the next in each
 * dimension is step[] further (NULL: 1). */
Side side_part(const Value *v, const int64_t at[], const int64_t step[]);
void move_shape(Move *, Shape);
void k_move(Kernel *, const Move *);

#endif

/*
 * Windows that slide over the spatial dimensions of [N, C, D1, ...]: what
 * convolution and pooling share. Along each dimension, cell p of the window
 * for output o lies at input o * stride + p * dilation - begin; cells outside
 * the input are padding.
 */
#ifndef IR_WINDOW_H
#define IR_WINDOW_H

#include "ir/kernel.h"
#include "ir/op.h"

enum { MAX_SPATIAL = 3 };

/* The first attributes of every operator with a window. */
enum { W_KERNEL, W_STRIDES, W_PADS, W_DILATIONS, W_NATTRS };
#define WINDOW_ATTRS \
	[W_KERNEL] = {"kernel_shape", ATTR_INTS}, \
	[W_STRIDES] = {"strides", ATTR_INTS}, \
	[W_PADS] = {"pads", ATTR_INTS}, \
	[W_DILATIONS] = {"dilations", ATTR_INTS}

typedef struct Window {
	int rank;                        /* spatial dimensions */
	int64_t cells[MAX_SPATIAL];
	int64_t stride[MAX_SPATIAL], dilation[MAX_SPATIAL];
	int64_t begin[MAX_SPATIAL], end[MAX_SPATIAL];
} Window;

/* The node's window over x; its cells are those of `cells` (a weight's spatial
 * dimensions), or kernel_shape if NULL. */
Window window_of(const Node *, Shape x, const int64_t *cells);
/* False after error_at(): x has a bad rank, or an attribute does not fit. */
bool window_check(Unit *, const Node *, Shape x, const int64_t *cells);
/* Spatial dimensions of the output, into y->dim[2..]. With `ceil` the last
 * window may hang over the end. False after error_at(): none fits. */
bool window_outputs(Unit *, const Node *, const Window *, Shape x, bool ceil,
                    Shape *y);
int64_t window_cells(const Window *);   /* of all dimensions */
Index window_at(const Window *, int d, Index output, Index cell);
/* Loops over spatial dimensions and cells; close with k_end_n(rank). */
void window_for_outputs(Kernel *, const Window *, Shape y, int loop[]);
void window_for_cells(Kernel *, const Window *, int loop[]);
/* One index per dimension of [N, C, D1, ...] for k_load_at() and the like. */
void window_index(const Window *, int n, int c, const int output[],
                  const int cell[], Index at[]);

/* For the window of output `o`, as i32: its first cell that is not in the
 * padding before the input; and how many of its cells lie in the input of `in`
 * elements, or in it and its padding. */
Expr *window_first_cell(Kernel *, const Window *, int d, int o);
Expr *window_count(Kernel *, const Window *, int d, int o, int64_t in,
                   int64_t outputs, bool count_pads);

#endif

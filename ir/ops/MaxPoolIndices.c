/*
 * MaxPoolIndices(place): where in x, of the given shape, MaxPool found each
 * maximum, as ONNX's second output has it: i64, counted over all of x in
 * row-major order, or, with storage_order, with the last dimension the slowest
 * inside of each channel. `place` is MaxPool's own: in the window.
 */
#include "ir/op.h"

#include "ir/pool.h"

enum { SHAPE = POOL_NATTRS, STORAGE_ORDER };

static Shape pooled(const Node *n)
{
	const Attr *a = &n->attr[SHAPE];
	Shape x = {.rank = a->n <= MAX_RANK ? a->n : 0};
	for (int i = 0; i < x.rank; i++)
		x.dim[i] = a->ints[i];
	return x;
}

static bool infer(Unit *u, Node *n)
{
	Shape y = {0}, place = n->in[0]->shape;
	if (!pool_shape(u, n, pooled(n), &y))
		return false;
	if (dtype_is_float(n->in[0]->dtype) || !shape_equal(y, place)) {
		error_at(u, n->loc, "places are %s%s, expected integers %s",
		         dtype_name(n->in[0]->dtype),
		         shape_text(u->arena, place),
		         shape_text(u->arena, y));
		return false;
	}
	n->out[0]->dtype = DT_I64;
	n->out[0]->shape = place;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *y = n->out[0];
	Shape x = pooled(n);
	Window w = window_of(n, x, NULL);
	bool last_is_slowest = attr_int(n, STORAGE_ORDER) != 0;
	int loop[2 + MAX_SPATIAL], cell[MAX_SPATIAL];
	k_for_shape(k, y->shape, loop);
	pool_split_place(k, &w, k_load(k, n->in[0], loop), cell);
	Index at = k_sum(k_scaled(k_at(loop[0]), x.dim[1]), k_at(loop[1]));
	for (int i = 0; i < w.rank; i++) {
		int d = last_is_slowest ? w.rank - 1 - i : i;
		at = k_sum(k_scaled(at, x.dim[2 + d]),
		           window_at(&w, d, k_at(loop[2 + d]),
		                     k_indirect(cell[d])));
	}
	k_store(k, y, loop, k_index(k, at));
	k_end_n(k, y->shape.rank);
}

const OpDef op_MaxPoolIndices = {
	.name = "MaxPoolIndices", .min_in = 1, .max_in = 1,
	ATTRS(POOL_ATTRS, [SHAPE] = {"shape", ATTR_INTS},
	      [STORAGE_ORDER] = {"storage_order", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.stops = true,
	EXAMPLES({.in = {{DIMS(2, 2, 2, 2), DT_U8, 0, 3}},
	          .attr = {{"kernel_shape", INTS(2, 2)},
	                   {"strides", INTS(2, 2)}, {"shape", INTS(2, 2, 4, 4)}}},
	         {.in = {{DIMS(1, 2, 3, 6), DT_I32, 0, 5}},
	          .attr = {{"kernel_shape", INTS(3, 2)}, {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 1, 1)},
	                   {"shape", INTS(1, 2, 5, 6)}, {"storage_order", 1}}}),
};

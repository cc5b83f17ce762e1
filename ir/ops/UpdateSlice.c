/*
 * UpdateSlice: y = x, but the part that Slice would take of it is the second
 * input. Written over x, it moves that part alone. StableHLO's
 * dynamic_update_slice, with a place that is known. Made by the tile pass only,
 * where nothing is left to differentiate.
 */
#include "ir/op.h"

#include "ir/move.h"
#include "ir/slice.h"

static bool infer(Unit *u, Node *n)
{
	const Value *x = n->in[0], *part = n->in[1];
	Slice s;
	if (!slice_of(u, n, x->shape, &s))
		return false;
	if (part->dtype != x->dtype || !shape_equal(s.shape, part->shape)) {
		error_at(u, n->loc, "input 1 is %s%s, the slice is %s%s",
		         dtype_name(part->dtype),
		         shape_text(u->arena, part->shape),
		         dtype_name(x->dtype), shape_text(u->arena, s.shape));
		return false;
	}
	return infer_like(n, 0, 0);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *part = n->in[1], *y = n->out[0];
	Slice s;
	slice_of(NULL, n, x->shape, &s);
	Move m = {.from = side_whole(part),
	          .to = side_part(y, s.at, s.step)};
	move_shape(&m, s.shape);
	int i = k_for(k, numel(y->shape));
	k_store_flat(k, y, k_at(i), k_load_flat(k, x, k_at(i)));
	k_end(k);
	k_move(k, &m);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return !slice_names_first(n) && parts_all(n, part, out);
}

const OpDef op_UpdateSlice = {
	.name = "UpdateSlice", .min_in = 2, .max_in = 2,
	ATTRS(SLICE_ATTRS),
	.infer = infer,
	.lower = lower,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(5)}, {DIMS(3)}},
	          .attr = {{"starts", INTS(1)}, {"ends", INTS(4)}}},
	         {.in = {{DIMS(3, 6, 4)}, {DIMS(3, 2, 2)}},
	          .attr = {{"starts", INTS(1, 0)}, {"ends", INTS(5, 3)},
	                   {"axes", INTS(1, -1)}, {"steps", INTS(3, 2)}}},
	         {.in = {{DIMS(2, 5), DT_I64, -9, 9},
	                 {DIMS(2, 3), DT_I64, -9, 9}},
	          .attr = {{"starts", INTS(4)}, {"ends", INTS(-6)},
	                   {"axes", INTS(1)}, {"steps", INTS(-2)}}}),
};

/* ResizeGrad: the gradient of Resize's input, of `shape`, from dy and Resize's
 * tables: to each place, what it was read for. */
#include "ir/resize.h"

enum { SHAPE = RESIZE_NATTRS };

static bool infer(Unit *u, Node *n)
{
	Shape x, y;
	if (!infer_shape(u, n, SHAPE, &x) || !resize_shape(u, n, x, &y))
		return false;
	if (!shape_equal(y, n->in[0]->shape)) {
		error_at(u, n->loc, "input has shape %s, resizing gives %s",
		         shape_text(u->arena, n->in[0]->shape),
		         shape_text(u->arena, y));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = x;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *dy = n->in[0], *dx = n->out[0];
	DType type = compute_type(dy->dtype);
	ResizeLoops r;
	k_fill(k, dx, 0);
	resize_open(k, n, dy->shape, &r);
	Expr *e = k_get(k, k_var(k, k_load_at(k, dy, r.y)));
	resize_open_taps(k, n, type, &r);
	k_accumulate_padded(k, dx, r.x, r.weight ? k_mul(k, e, r.weight) : e);
	k_end_n(k, r.inner);
	k_end_n(k, dy->shape.rank);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return parts_are_first(n, part, 1) && !resize_names_first(n) &&
	       parts_give(n, PART_ROWS, out);
}

const OpDef op_ResizeGrad = {
	.name = "ResizeGrad", .min_in = 1, .max_in = 1 + 2 * MAX_RANK,
	ATTRS(RESIZE_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.parts = parts,
	EXAMPLES({.nin = 2, .in = {{DIMS(2, 5)}, {DIMS(5), DT_I32, 0, 2, true}},
	          .attr = {{"axes", INTS(1)}, {"taps", INTS(1)},
	                   {"shape", INTS(2, 3)}}},
	         {.nin = 5, .in = {{DIMS(2, 5, 3)},
	                           {DIMS(10), DT_I32, -1, 2, true},
	                           {DIMS(10), DT_F32, -1, 1, true},
	                           {DIMS(9), DT_I32, 0, 3, true},
	                           {DIMS(9), DT_F32, -1, 1, true}},
	          .attr = {{"axes", INTS(1, 2)}, {"taps", INTS(2, 3)},
	                   {"shape", INTS(2, 3, 4)}}}),
};

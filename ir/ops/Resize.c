/* Resize: y = x with some axes interpolated, by tables: see ir/resize.h. The
 * gradient goes the same ways back. */
#include "ir/resize.h"

enum { OUTSIDE = RESIZE_NATTRS };

static bool infer(Unit *u, Node *n)
{
	bool weighted = false;
	for (int i = 2; i < n->nin; i += 2)
		weighted |= n->in[i] != NULL;
	if (weighted && !dtype_is_float(n->in[0]->dtype)) {
		error_at(u, n->loc, "input 0 is %s, of which no weighted sum is "
		         "made; expected a floating-point type",
		         dtype_name(n->in[0]->dtype));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	return resize_shape(u, n, n->in[0]->shape, &n->out[0]->shape);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	DType type = compute_type(x->dtype);
	ResizeLoops r;
	resize_open(k, n, y->shape, &r);
	int sum = k_var(k, k_typed(k, type, 0));
	resize_open_taps(k, n, type, &r);
	Expr *e = k_load_padded(k, x, r.x, attr_float(n, OUTSIDE));
	if (r.weight)
		e = k_mul(k, e, r.weight);
	k_set(k, sum, k_add(k, k_get(k, sum), e));
	k_end_n(k, r.inner);
	k_store_at(k, y, r.y, k_get(k, sum));
	k_end_n(k, y->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Shape x = n->in[0]->shape;
	Value **in = arena_array(g->unit->arena, Value *, n->nin);
	for (int i = 1; i < n->nin; i++)
		in[i] = n->in[i];
	in[0] = dy[0];
	Node *e = node_new(g, n->loc, &op_ResizeGrad, n->nin, in);
	node_copy_attrs(g, e, n);
	node_set_ints(g, e, "shape", x.rank, x.dim);
	dx[0] = node_done(g, e);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return parts_are_first(n, part, 1) && !resize_names_first(n) &&
	       parts_give(n, PART_ROWS, out);
}

const OpDef op_Resize = {
	.name = "Resize", .since = 19, .min_in = 1, .max_in = 1 + 2 * MAX_RANK,
	ATTRS(RESIZE_ATTRS,
	      [OUTSIDE] = {"outside", ATTR_FLOAT, true}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.nin = 2, .in = {{DIMS(2, 3)}, {DIMS(5), DT_I32, 0, 2, true}},
	          .attr = {{"axes", INTS(1)}, {"taps", INTS(1)}}},
	         {.nin = 5, .in = {{DIMS(2, 3, 4)},
	                           {DIMS(10), DT_I32, 0, 2, true},
	                           {DIMS(10), DT_F32, -1, 1, true},
	                           {DIMS(9), DT_I32, 0, 3, true},
	                           {DIMS(9), DT_F32, -1, 1, true}},
	          .attr = {{"axes", INTS(1, 2)}, {"taps", INTS(2, 3)}}},
	         {.nin = 3, .in = {{DIMS(3, 2)},
	                           {DIMS(8), DT_I32, -1, 3, true},
	                           {DIMS(8), DT_F32, -1, 1, true}},
	          .attr = {{"axes", INTS(0)}, {"taps", INTS(2)},
	                   {"outside", .f = 2.5}}}),
};

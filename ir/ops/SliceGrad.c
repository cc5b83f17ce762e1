/* SliceGrad: dy where Slice took it from, in zeros of `shape`. The other
 * attributes are Slice's. */
#include "ir/op.h"

#include "ir/move.h"
#include "ir/slice.h"

enum { SHAPE = SLICE_NATTRS };

static Shape whole(const Node *n)
{
	Shape s = {.rank = n->attr[SHAPE].n};
	for (int i = 0; i < s.rank; i++)
		s.dim[i] = n->attr[SHAPE].ints[i];
	return s;
}

static bool infer(Unit *u, Node *n)
{
	Shape dy = n->in[0]->shape;
	Slice s;
	if (n->attr[SHAPE].n != dy.rank) {
		error_at(u, n->loc, "shape has %d dimensions, the input %d",
		         n->attr[SHAPE].n, dy.rank);
		return false;
	}
	if (!slice_of(u, n, whole(n), &s))
		return false;
	if (!shape_equal(s.shape, dy)) {
		error_at(u, n->loc, "input has shape %s, the slice is %s",
		         shape_text(u->arena, dy),
		         shape_text(u->arena, s.shape));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = whole(n);
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	Slice s;
	slice_of(NULL, n, whole(n), &s);
	Move m = {.from = side_whole(n->in[0]),
	          .to = side_part(n->out[0], s.at, s.step)};
	move_shape(&m, s.shape);
	k_fill(k, n->out[0], 0);
	k_move(k, &m);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *s = NEW(g, n->loc, op_Slice, dy[0]);
	node_copy_attrs(g, s, n);
	dx[0] = node_done(g, s);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return !slice_names_first(n) && parts_all(n, part, out);
}

const OpDef op_SliceGrad = {
	.name = "SliceGrad", .min_in = 1, .max_in = 1,
	ATTRS(SLICE_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(3)}},
	          .attr = {{"starts", INTS(1)}, {"ends", INTS(4)},
	                   {"shape", INTS(5)}}},
	         {.in = {{DIMS(2, 2, 4)}},
	          .attr = {{"starts", INTS(1, 0)}, {"ends", INTS(5, 3)},
	                   {"axes", INTS(1, -3)}, {"steps", INTS(3, 2)},
	                   {"shape", INTS(3, 6, 4)}}},
	         {.in = {{DIMS(2, 3)}},
	          .attr = {{"starts", INTS(4)}, {"ends", INTS(-6)},
	                   {"axes", INTS(1)}, {"steps", INTS(-2)},
	                   {"shape", INTS(2, 5)}}}),
};

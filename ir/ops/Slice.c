/* Slice: every step-th element from start to end along some axes; see
 * ir/slice.h. */
#include "ir/op.h"

#include "ir/move.h"
#include "ir/piece.h"
#include "ir/slice.h"

static bool infer(Unit *u, Node *n)
{
	Slice s;
	if (!slice_of(u, n, n->in[0]->shape, &s))
		return false;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = s.shape;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	Slice s;
	slice_of(NULL, n, n->in[0]->shape, &s);
	Move m = {.from = side_part(n->in[0], s.at, s.step),
	          .to = side_whole(n->out[0])};
	move_shape(&m, s.shape);
	k_move(k, &m);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Shape x = n->in[0]->shape;
	Node *s = NEW(g, n->loc, op_SliceGrad, dy[0]);
	node_copy_attrs(g, s, n);
	node_set_ints(g, s, "shape", x.rank, x.dim);
	dx[0] = node_done(g, s);
}

/* Contiguous if it takes all of every dimension behind one of which it takes
 * several elements. */
static int pieces(const Node *n, Piece piece[])
{
	Shape x = n->in[0]->shape;
	int64_t stride[MAX_RANK], from = 0;
	bool all = true;
	Slice s;
	slice_of(NULL, n, x, &s);
	shape_strides(x, stride);
	for (int i = x.rank - 1; i >= 0; i--) {
		if (s.shape.dim[i] != 1 && (!all || s.step[i] != 1))
			return 0;
		all &= s.shape.dim[i] == x.dim[i];
		from += s.at[i] * stride[i];
	}
	piece[0] = (Piece){0, 0, from, 0, numel(s.shape)};
	return 1;
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return !slice_names_first(n) && parts_all(n, part, out);
}

const OpDef op_Slice = {
	.name = "Slice", .since = 10, .min_in = 1, .max_in = 1,
	ATTRS(SLICE_ATTRS),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.pieces = pieces,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(5)}},
	          .attr = {{"starts", INTS(1)}, {"ends", INTS(4)}}},
	         {.in = {{DIMS(3, 6, 4)}},
	          .attr = {{"starts", INTS(1, 0)}, {"ends", INTS(5, 3)},
	                   {"axes", INTS(1, -3)}, {"steps", INTS(3, 2)}}},
	         {.in = {{DIMS(2, 5)}},
	          .attr = {{"starts", INTS(4)}, {"ends", INTS(-6)},
	                   {"axes", INTS(1)}, {"steps", INTS(-2)}}},
	         {.in = {{DIMS(4, 5)}},
	          .attr = {{"starts", INTS(3, 3)}, {"ends", INTS(0, 1)},
	                   {"steps", INTS(-1, -1)}}},
	         {.in = {{DIMS(6), DT_I64, -9, 9}},
	          .attr = {{"starts", INTS(2)}, {"ends", INTS(6)}}}),
};

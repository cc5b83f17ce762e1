/* Concat: the inputs one after the other along `axis`. The gradient is cut up
 * again. */
#include "ir/op.h"

#include "ir/move.h"
#include "ir/piece.h"

enum { AXIS };

/* The axis from 0; the node was inferred. */
static int axis_of(const Node *n)
{
	int64_t axis = attr_int(n, AXIS);
	return (int)(axis < 0 ? axis + n->in[0]->shape.rank : axis);
}

static bool fits(const Value *v, const Value *first, int axis)
{
	if (v->dtype != first->dtype || v->shape.rank != first->shape.rank)
		return false;
	for (int i = 0; i < v->shape.rank; i++)
		if (i != axis && v->shape.dim[i] != first->shape.dim[i])
			return false;
	return true;
}

static bool infer(Unit *u, Node *n)
{
	const Value *first = n->in[0];
	Shape y = first->shape;
	int axis;
	if (!n->attr[AXIS].set) {
		error_at(u, n->loc, "has no attribute 'axis'");
		return false;
	}
	if (!infer_axis(u, n, attr_int(n, AXIS), y.rank, &axis))
		return false;
	for (int i = 1; i < n->nin; i++) {
		const Value *v = n->in[i];
		if (!v || !fits(v, first, axis)) {
			error_at(u, n->loc, "input %d is %s%s, input 0 is %s%s; "
			         "expected the same but for axis %d", i,
			         v ? dtype_name(v->dtype) : "missing",
			         v ? shape_text(u->arena, v->shape) : "",
			         dtype_name(first->dtype),
			         shape_text(u->arena, first->shape), axis);
			return false;
		}
		if (v->shape.dim[axis] > INT64_MAX - y.dim[axis]) {
			error_at(u, n->loc, "the output is too large");
			return false;
		}
		y.dim[axis] += v->shape.dim[axis];
	}
	n->out[0]->dtype = first->dtype;
	n->out[0]->shape = y;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	int64_t at[MAX_RANK] = {0};
	int axis = axis_of(n);
	for (int i = 0; i < n->nin; i++) {
		Move m = {.from = side_whole(n->in[i]),
		          .to = side_part(n->out[0], at, NULL)};
		move_shape(&m, n->in[i]->shape);
		k_move(k, &m);
		at[axis] += n->in[i]->shape.dim[axis];
	}
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	int64_t axis = axis_of(n), start = 0;
	for (int i = 0; i < n->nin; i++) {
		int64_t end = start + n->in[i]->shape.dim[axis];
		if (want[i]) {
			Node *s = NEW(g, n->loc, op_Slice, dy[0]);
			node_set_ints(g, s, "starts", 1, &start);
			node_set_ints(g, s, "ends", 1, &end);
			node_set_ints(g, s, "axes", 1, &axis);
			dx[i] = node_done(g, s);
		}
		start = end;
	}
}

static int pieces(const Node *n, Piece piece[])
{
	int64_t at = 0;
	if (!piece_is_contiguous(n->out[0]->shape, axis_of(n)))
		return 0;
	for (int i = 0; i < n->nin; i++) {
		int64_t count = numel(n->in[i]->shape);
		piece[i] = (Piece){i, 0, 0, at, count};
		at += count;
	}
	return n->nin;
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return axis_of(n) > 0 && parts_all(n, part, out);
}

static bool rows(const Node *n, Band out, Band in[])
{
	return axis_of(n) != BAND_AXIS && band_of_all(n, out, in);
}

static const BandRule bands = {rows, NULL};

const OpDef op_Concat = {
	.name = "Concat", .since = 4, .min_in = 1, .max_in = VARIADIC,
	ATTRS([AXIS] = {"axis", ATTR_INT}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.pieces = pieces,
	.parts = parts,
	.bands = &bands,
	EXAMPLES({.nin = 2, .in = {{DIMS(2, 3)}, {DIMS(2, 2)}},
	          .attr = {{"axis", 1}}},
	         {.nin = 3, .in = {{DIMS(2, 1, 3)}, {DIMS(2, 2, 3)},
	                           {DIMS(2, 1, 3)}},
	          .attr = {{"axis", -2}}},
	         {.nin = 1, .in = {{DIMS(3)}}, .attr = {{"axis", 0}}},
	         {.nin = 2, .in = {{DIMS(2), DT_I64, -9, 9},
	                           {DIMS(1), DT_I64, -9, 9}},
	          .attr = {{"axis", 0}}}),
};

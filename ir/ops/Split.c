/* Split: output i has the next split[i] elements along `axis`. The gradient is
 * their concatenation; an output that none reaches counts as zeros. */
#include "ir/op.h"

#include "ir/move.h"
#include "ir/piece.h"

enum { AXIS, SPLIT };

static int axis_of(const Node *n)
{
	int64_t axis = attr_int(n, AXIS);
	return (int)(axis < 0 ? axis + n->in[0]->shape.rank : axis);
}

static bool infer(Unit *u, Node *n)
{
	Shape x = n->in[0]->shape;
	const Attr *split = &n->attr[SPLIT];
	int axis;
	if (!infer_axis(u, n, attr_int(n, AXIS), x.rank, &axis))
		return false;
	if (split->n != n->nout) {
		error_at(u, n->loc, "split has %d numbers for %d outputs",
		         split->n, n->nout);
		return false;
	}
	int64_t left = x.dim[axis];
	for (int o = 0; o < n->nout; o++) {
		Shape y = x;
		y.dim[axis] = split->ints[o];
		if (split->ints[o] < 0 || split->ints[o] > left)
			left = -1;
		else
			left -= split->ints[o];
		if (left < 0)
			break;
		n->out[o]->dtype = n->in[0]->dtype;
		n->out[o]->shape = y;
	}
	if (left)
		error_at(u, n->loc, "split does not add up to the %lld elements "
		         "along axis %d", (long long)x.dim[axis], axis);
	return !left;
}

static void lower(Kernel *k, const Node *n)
{
	int64_t at[MAX_RANK] = {0};
	int axis = axis_of(n);
	for (int o = 0; o < n->nout; o++) {
		Move m = {.from = side_part(n->in[0], at, NULL),
		          .to = side_whole(n->out[o])};
		move_shape(&m, n->out[o]->shape);
		k_move(k, &m);
		at[axis] += n->out[o]->shape.dim[axis];
	}
}

static Value *padded(Graph *g, Node *n, Value *dy, int64_t before, int64_t after)
{
	int64_t pads[2 * MAX_RANK] = {0};
	int rank = dy->shape.rank;
	if (!before && !after)
		return dy;
	pads[axis_of(n)] = before;
	pads[rank + axis_of(n)] = after;
	Node *p = NEW(g, n->loc, op_Pad, dy);
	node_set_ints(g, p, "pads", 2 * rank, pads);
	return node_done(g, p);
}

/* Each gradient is padded by the outputs behind it that have none, the first
 * also by those before it. */
static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value **part = arena_array(g->unit->arena, Value *, n->nout);
	int64_t axis = axis_of(n), before = 0;
	int nparts = 0;
	for (int o = 0; o < n->nout; o++) {
		Value *mine = dy[o];
		int64_t after = 0;
		if (!mine) {
			before += n->out[o]->shape.dim[axis];
			continue;
		}
		for (; o + 1 < n->nout && !dy[o + 1]; o++)
			after += n->out[o + 1]->shape.dim[axis];
		part[nparts++] = padded(g, n, mine, before, after);
		before = 0;
	}
	Node *c = node_new(g, n->loc, &op_Concat, nparts, part);
	node_set_int(g, c, "axis", axis);
	dx[0] = nparts == 1 ? part[0] : node_done(g, c);
}

static int pieces(const Node *n, Piece piece[])
{
	int64_t at = 0;
	if (!piece_is_contiguous(n->in[0]->shape, axis_of(n)))
		return 0;
	for (int o = 0; o < n->nout; o++) {
		int64_t count = numel(n->out[o]->shape);
		piece[o] = (Piece){0, o, at, 0, count};
		at += count;
	}
	return n->nout;
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return axis_of(n) > 0 && parts_all(n, part, out);
}

const OpDef op_Split = {
	.name = "Split", .since = 13, .min_in = 1, .max_in = 1,
	.min_out = 1, .max_out = 1 << 20,
	ATTRS([AXIS] = {"axis", ATTR_INT, true, 0},
	      [SPLIT] = {"split", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.pieces = pieces,
	.parts = parts,
	EXAMPLES({.nout = 2, .in = {{DIMS(2, 5)}},
	          .attr = {{"axis", 1}, {"split", INTS(2, 3)}}},
	         {.nout = 3, .in = {{DIMS(2, 4, 3)}},
	          .attr = {{"axis", -2}, {"split", INTS(1, 2, 1)}}},
	         {.nout = 1, .in = {{DIMS(3)}}, .attr = {{"split", INTS(3)}}}),
};

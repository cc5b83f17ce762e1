/* Feed: y = x, or the part of it that Slice would take, for an x that the caller
 * keeps (Value.fed). It is asked for the elements each time; so to feed again is to
 * compute again, at the price of a copy. Made by feed_inputs() only, where nothing
 * is left to differentiate. */
#include "ir/op.h"

#include "ir/move.h"
#include "ir/slice.h"

static bool infer(Unit *u, Node *n)
{
	Slice s;
	if (!infer_like(n, 0, 0))
		return false;
	if (!n->attr[SLICE_STARTS].set)
		return true;
	if (!slice_of(u, n, n->in[0]->shape, &s))
		return false;
	n->out[0]->shape = s.shape;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	Slice s;
	Move m = {.from = side_whole(n->in[0]), .to = side_whole(n->out[0])};
	if (n->attr[SLICE_STARTS].set) {
		slice_of(NULL, n, n->in[0]->shape, &s);
		m.from = side_part(n->in[0], s.at, s.step);
	}
	move_shape(&m, n->out[0]->shape);
	k_move(k, &m);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return !slice_names_first(n) && parts_first(n, part, out);
}

/* Of the caller's data. */
static bool rows(const Node *n, Band out, Band in[])
{
	return !n->attr[SLICE_STARTS].set;
}

static void adapt(Graph *g, Node *band, const Node *n, Band out)
{
	band_slice(g, band, out);
}

static const BandRule bands = {rows, adapt};

/* Not elementwise by name: no kernel that is fused with it could ask. */
const OpDef op_Feed = {
	.name = "Feed", .min_in = 1, .max_in = 1,
	ATTRS(SLICE_ATTRS),
	.infer = infer,
	.lower = lower,
	.parts = parts,
	.bands = &bands,
	EXAMPLES({.in = {{DIMS(2, 3)}}}, {.in = {{DIMS(4), DT_I64, -9, 9}}},
	         {.in = {{DIMS(2, 3, 5, 2)}},
	          .attr = {{"starts", INTS(1)}, {"ends", INTS(4)},
	                   {"axes", INTS(2)}}}),
};

#include "ir/band.h"

#include "ir/op.h"
#include "ir/window.h"

#include <string.h>

Band band_hull(Band a, Band b)
{
	if (band_is_empty(a))
		return b;
	if (band_is_empty(b))
		return a;
	return (Band){a.first < b.first ? a.first : b.first,
	              a.end > b.end ? a.end : b.end};
}

/* ---- rules ---- */

static bool elementwise(const Node *n, Band out, Band in[])
{
	const Shape y = n->out[0]->shape;
	for (int i = 0; i < n->nin; i++) {
		if (!n->in[i])
			continue;
		const Shape x = n->in[i]->shape;
		int axis = BAND_AXIS - (y.rank - x.rank);
		if (axis < 0 || x.dim[axis] == 1)
			continue;
		if (x.rank != y.rank)
			return false;
		in[i] = out;
	}
	return true;
}

static bool first(const Node *n, Band out, Band in[])
{
	in[0] = out;
	return true;
}

bool band_of_all(const Node *n, Band out, Band in[])
{
	for (int i = 0; i < n->nin; i++)
		in[i] = out;
	return true;
}

/* What the windows of the band reach, padding and all. */
static Band reach(const Window *w, Band out)
{
	return (Band){
		out.first * w->stride[0] - w->begin[0],
		(out.end - 1) * w->stride[0] - w->begin[0] +
			(w->cells[0] - 1) * w->dilation[0] + 1,
	};
}

/* Convolutions have their cells in the weight, poolings in an attribute. */
static Window window(const Node *n)
{
	return window_of(n, n->in[0]->shape,
	                 n->nin > 1 ? n->in[1]->shape.dim + 2 : NULL);
}

static bool counts_padding(const Node *n)
{
	int which = op_attr(n->op, "count_include_pad");
	return which >= 0 && attr_int(n, which);
}

/* What a last window hangs over, beyond the padding (ceil_mode), becomes padding;
 * that differs if only padding is counted. */
static bool under_windows(const Node *n, Band out, Band in[])
{
	Window w = window(n);
	Band x = reach(&w, out);
	int64_t rows = n->in[0]->shape.dim[BAND_AXIS];
	if (x.end > rows + w.end[0] && counts_padding(n))
		return false;
	in[0].first = x.first > 0 ? x.first : 0;
	in[0].end = x.end < rows ? x.end : rows;
	return !band_is_empty(in[0]);
}

/* Padding where the band's windows leave the input, and nowhere else. */
static void set_pads(Graph *g, Node *p, const Node *n, Band out)
{
	Window w = window(n);
	Band x = reach(&w, out);
	int64_t beyond = x.end - n->in[0]->shape.dim[BAND_AXIS];
	int64_t pads[2 * MAX_SPATIAL];
	for (int d = 0; d < w.rank; d++) {
		pads[d] = w.begin[d];
		pads[w.rank + d] = w.end[d];
	}
	pads[0] = x.first < 0 ? -x.first : 0;
	pads[w.rank] = beyond > 0 ? beyond : 0;
	node_set_ints(g, p, "pads", 2 * w.rank, pads);
}

const BandRule bands_elementwise = {elementwise, NULL};
const BandRule bands_first = {first, NULL};
const BandRule bands_window = {under_windows, set_pads};

void band_slice(Graph *g, Node *n, Band rows)
{
	int64_t axis = BAND_AXIS;
	node_set_ints(g, n, "starts", 1, &rows.first);
	node_set_ints(g, n, "ends", 1, &rows.end);
	node_set_ints(g, n, "axes", 1, &axis);
}

/* ---- the question ---- */

static const BandRule *rule_of(const Node *n)
{
	return n->op->bands ? n->op->bands
	     : n->op->scalar ? &bands_elementwise : NULL;
}

/* Bits are eight to a byte, which rows need not be. */
static bool has_bits(const Node *n)
{
	bool bits = n->out[0]->dtype == DT_BIT;
	for (int i = 0; i < n->nin; i++)
		bits |= n->in[i] && n->in[i]->dtype == DT_BIT;
	return bits;
}

bool node_has_bands(const Node *n)
{
	return rule_of(n) && n->nout == 1 && !n->nbody && !n->op->view &&
	       !n->op->wants_part && op_attr(n->op, "shape") < 0 &&
	       n->out[0]->shape.rank > BAND_AXIS && !has_bits(n) &&
	       !n->out[0]->var;
}

bool node_band(const Node *n, Band out, Band in[])
{
	memset(in, 0, (size_t)n->nin * sizeof *in);
	return node_has_bands(n) && rule_of(n)->rows(n, out, in);
}

/* ---- the node ---- */

Value *node_make_band(Graph *g, const Node *n, Band out, Value *const in[])
{
	Node *p = node_new(g, n->loc, n->op, n->nin, in);
	node_copy_attrs(g, p, n);
	if (rule_of(n)->adapt)
		rule_of(n)->adapt(g, p, n, out);
	p->again = n->again;
	Value *y = node_done(g, p);
	if (!y || y->shape.dim[BAND_AXIS] != out.end - out.first)
		BUG("%s '%s' has no rows %lld to %lld", n->op->name,
		    n->loc.node, (long long)out.first, (long long)out.end);
	value_serve(y, n->out[0]);
	return y;
}

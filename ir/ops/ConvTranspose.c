/*
 * ConvTranspose: Conv with its input and output exchanged: each x spreads over
 * the y's that Conv would compute it from, with weight w [C,O/group,..]. The
 * output's extra elements (output_padding) are at the end. output_shape and
 * auto_pad are resolved by the reader.
 * dx = Conv(dy, w), dw = ConvGradWeight(dy, x), db = sum of dy.
 */
#include "ir/op.h"

#include "ir/channels.h"
#include "ir/conv.h"

enum { OUTPUT_PADDING = CONV_NATTRS };

static int64_t extra(const Node *n, int d)
{
	const Attr *a = &n->attr[OUTPUT_PADDING];
	return a->set ? a->ints[d] : 0;
}

/* Less than a stride, or y would have room for one x more. */
static bool check_extra(Unit *u, const Node *n, const Window *w)
{
	const Attr *a = &n->attr[OUTPUT_PADDING];
	if (a->set && a->n != w->rank) {
		error_at(u, n->loc, "output_padding has %d numbers, expected %d",
		         a->n, w->rank);
		return false;
	}
	for (int d = 0; d < w->rank; d++)
		if (extra(n, d) < 0 || extra(n, d) >= w->stride[d]) {
			error_at(u, n->loc, "output_padding[%d] is %lld, expected "
			         "less than the stride %lld", d,
			         (long long)extra(n, d), (long long)w->stride[d]);
			return false;
		}
	return true;
}

static bool output_shape(Unit *u, const Node *n, Shape x, Shape w, Shape *y)
{
	Window win = window_of(n, x, w.dim + 2);
	if (!check_extra(u, n, &win))
		return false;
	*y = (Shape){x.rank, {x.dim[0], w.dim[1] * attr_int(n, CONV_GROUP)}};
	for (int d = 0; d < win.rank; d++) {
		int64_t span = (win.cells[d] - 1) * win.dilation[d] + 1;
		if (x.dim[2 + d] < 1 || x.dim[2 + d] > INT32_MAX ||
		    span > INT32_MAX) {
			error_at(u, n->loc, "cannot spread %lld elements over "
			         "windows of %lld", (long long)x.dim[2 + d],
			         (long long)span);
			return false;
		}
		y->dim[2 + d] = (x.dim[2 + d] - 1) * win.stride[d] + span +
		                extra(n, d) - win.begin[d] - win.end[d];
	}
	return true;
}

static bool infer(Unit *u, Node *n)
{
	Shape x = n->in[0]->shape, w = n->in[1]->shape, y;
	int64_t group = attr_int(n, CONV_GROUP);
	if (x.rank < 2 || w.rank != x.rank || w.dim[0] != x.dim[1] ||
	    group < 1 || group > x.dim[1]) {
		error_at(u, n->loc, "weight has shape %s, input %s, group is "
		         "%lld; expected [C,O/group,..] and [N,C,..]",
		         shape_text(u->arena, w), shape_text(u->arena, x),
		         (long long)group);
		return false;
	}
	if (!window_check(u, n, x, w.dim + 2) ||
	    !output_shape(u, n, x, w, &y) || !conv_check(u, n, y, w, x) ||
	    !conv_inputs(u, n, y.dim[1]))
		return false;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = y;
	return true;
}

static Conv geometry(const Node *n)
{
	return conv_of(n, n->out[0], n->in[1], n->in[0]);
}

static int64_t workspace(const Node *n)
{
	Conv c = geometry(n);
	return conv_workspace(&c, CONV_GRAD_INPUT);
}

static void add_bias(Kernel *k, const Value *y, const Value *bias)
{
	Channels t = channels_of(y->shape);
	int c = k_for(k, t.c);
	int b = k_var(k, k_load_flat(k, bias, k_at(c)));
	channels_open(k, &t);
	Index at = channels_at(&t, c);
	k_store_flat(k, y, at, k_add(k, k_load_flat(k, y, at), k_get(k, b)));
	channels_close(k);
	k_end(k);
}

static void lower(Kernel *k, const Node *n)
{
	Conv c = geometry(n);
	k_conv_grad_input(k, &(ConvPart){.c = &c});
	if (conv_bias(n))
		add_bias(k, n->out[0], conv_bias(n));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	if (want[0]) {
		Node *d = NEW(g, n->loc, op_Conv, dy[0], n->in[1]);
		node_copy_attrs(g, d, n);
		dx[0] = node_done(g, d);
	}
	if (want[1])
		dx[1] = conv_gradient(g, n, &op_ConvGradWeight, dy[0], n->in[0],
		                      n->in[1]->shape);
	if (conv_bias(n) && want[2])
		dx[2] = channels_sum(g, n->loc, dy[0]);
}

const OpDef op_ConvTranspose = {
	.name = "ConvTranspose", .since = 11, .min_in = 2, .max_in = 3,
	ATTRS(CONV_ATTRS, [OUTPUT_PADDING] = {"output_padding", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.workspace = workspace,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(1, 2, 3, 4)}, {DIMS(2, 3, 3, 3)}}},
	         {.nin = 3,
	          .in = {{DIMS(2, 4, 3, 2)}, {DIMS(4, 1, 3, 2)}, {DIMS(2)}},
	          .attr = {{"group", 2}, {"strides", INTS(2, 3)},
	                   {"pads", INTS(1, 0, 0, 1)},
	                   {"output_padding", INTS(1, 2)}}},
	         {.nin = 3, .in = {{DIMS(1, 2, 4)}, {DIMS(2, 2, 3)}, {DIMS(2)}},
	          .attr = {{"dilations", INTS(2)}, {"pads", INTS(1, 2)}}},
	         {.in = {{DIMS(1, 1, 2, 2, 2)}, {DIMS(1, 2, 2, 2, 2)}},
	          .attr = {{"strides", INTS(2, 1, 1)}}}),
};

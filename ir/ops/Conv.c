/*
 * Conv: convolution over 1 to 3 spatial dimensions, with groups; see
 * ir/conv.h. auto_pad is resolved by the reader.
 * dx = ConvGradInput(dy, w), dw = ConvGradWeight(x, dy), db = sum of dy.
 */
#include "ir/op.h"

#include "ir/channels.h"
#include "ir/conv.h"

static bool infer(Unit *u, Node *n)
{
	Shape y = {0};
	if (!conv_shape(u, n, n->in[0]->shape, n->in[1]->shape, &y) ||
	    !conv_inputs(u, n, y.dim[1]))
		return false;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = y;
	return true;
}

static Conv geometry(const Node *n)
{
	return conv_of(n, n->in[0], n->in[1], n->out[0]);
}

static int64_t workspace(const Node *n)
{
	Conv c = geometry(n);
	return conv_workspace(&c, CONV_FORWARD);
}

static void loops(Kernel *k, const Conv *c, const Value *bias)
{
	ConvLoop l;
	l.n = k_for(k, c->y->shape.dim[0]);
	l.g = k_for(k, c->groups);
	l.o = k_for(k, c->y->shape.dim[1] / c->groups);
	window_for_outputs(k, &c->win, c->y->shape, l.out);
	int sum = k_var(k, k_typed(k, compute_type(c->y->dtype), 0));
	l.c = k_for(k, c->w->shape.dim[1]);
	window_for_cells(k, &c->win, l.cell);
	ConvAt at = conv_at(c, &l);
	Expr *product = k_mul(k, k_load_padded(k, c->x, at.x, 0),
	                      k_load_at(k, c->w, at.w));
	k_set(k, sum, k_add(k, k_get(k, sum), product));
	k_end_n(k, 1 + c->win.rank);
	Expr *y = k_get(k, sum);
	if (bias)
		y = k_add(k, y, k_load_at(k, bias, &at.y[1]));
	k_store_at(k, c->y, at.y, y);
	k_end_n(k, 3 + c->win.rank);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *bias = conv_bias(n);
	Conv c = geometry(n);
	bool call = conv_callable(&c);
	if (call) {
		int64_t parts = conv_parts(&c, CONV_FORWARD);
		k_conv_call(k, &c, CONV_FORWARD, 6, (Arg[]){
			conv_struct(&c), {.v = c.x, .parts = parts},
			{.v = c.w}, {.v = bias}, {.v = c.y, .parts = parts},
			{.v = node_workspace(n)}});
	}
	loops(k, &c, bias);
	if (call)
		k_end(k);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *x = n->in[0], *w = n->in[1];
	if (want[0])
		dx[0] = conv_gradient(g, n, &op_ConvGradInput, dy[0], w,
		                      x->shape);
	if (want[1])
		dx[1] = conv_gradient(g, n, &op_ConvGradWeight, x, dy[0],
		                      w->shape);
	if (conv_bias(n) && want[2])
		dx[2] = channels_sum(g, n->loc, dy[0]);
}

const OpDef op_Conv = {
	.name = "Conv", .since = 11, .min_in = 2, .max_in = 3,
	ATTRS(CONV_ATTRS),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.workspace = workspace,
	.parts = parts_first,
	.bands = &bands_window,
	EXAMPLES({.in = {{DIMS(1, 2, 4, 5)}, {DIMS(3, 2, 3, 3)}}},
	         {.nin = 3,
	          .in = {{DIMS(2, 2, 5, 4)}, {DIMS(4, 2, 3, 2)}, {DIMS(4)}},
	          .attr = {{"strides", INTS(2, 1)}, {"pads", INTS(1, 0, 2, 1)},
	                   {"kernel_shape", INTS(3, 2)}}},
	         {.nin = 3,
	          .in = {{DIMS(1, 4, 6, 6)}, {DIMS(6, 2, 3, 3)}, {DIMS(6)}},
	          .attr = {{"group", 2}, {"dilations", INTS(2, 1)},
	                   {"pads", INTS(1, 1, 1, 1)}}},
	         {.in = {{DIMS(2, 3, 5, 5)}, {DIMS(3, 1, 3, 3)}},
	          .attr = {{"group", 3}, {"strides", INTS(2, 2)},
	                   {"pads", INTS(1, 1, 1, 1)}}},
	         {.nin = 3,
	          .in = {{DIMS(2, 2, 9)}, {DIMS(3, 2, 3)}, {DIMS(3)}},
	          .attr = {{"dilations", INTS(2)}, {"pads", INTS(3, 0)}}},
	         {.nin = 3,
	          .in = {{DIMS(1, 2, 3, 3, 4)}, {DIMS(2, 2, 2, 2, 2)},
	                 {DIMS(2)}},
	          .attr = {{"strides", INTS(1, 2, 1)},
	                   {"pads", INTS(0, 1, 0, 0, 0, 1)}}},
	         {.in = {{DIMS(1, 2, 3), DT_F64}, {DIMS(2, 2, 1), DT_F64}}},
	         {.in = {{DIMS(0, 1, 3)}, {DIMS(1, 1, 2)}}}),
};

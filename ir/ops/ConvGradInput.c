/* ConvGradInput(dy, w): the gradient of Conv's input, which has `shape`; the
 * other attributes are Conv's. */
#include "ir/op.h"

#include "ir/conv.h"

enum { SHAPE = CONV_NATTRS };

static bool infer(Unit *u, Node *n)
{
	const Value *dy = n->in[0], *w = n->in[1];
	Shape x;
	if (!infer_shape(u, n, SHAPE, &x))
		return false;
	if (x.rank != dy->shape.rank) {
		error_at(u, n->loc, "shape has %d dimensions, gradient has %d",
		         x.rank, dy->shape.rank);
		return false;
	}
	n->out[0]->dtype = dy->dtype;
	n->out[0]->shape = x;
	return conv_check(u, n, x, w->shape, dy->shape);
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

static void lower(Kernel *k, const Node *n)
{
	Conv c = geometry(n);
	k_conv_grad_input(k, &(ConvPart){.c = &c});
}

const OpDef op_ConvGradInput = {
	.name = "ConvGradInput", .min_in = 2, .max_in = 2,
	ATTRS(CONV_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(1, 3, 2, 3)}, {DIMS(3, 2, 3, 3)}},
	          .attr = {{"shape", INTS(1, 2, 4, 5)}}},
	         {.in = {{DIMS(2, 4, 3, 4)}, {DIMS(4, 1, 3, 2)}},
	          .attr = {{"shape", INTS(2, 2, 5, 4)}, {"group", 2},
	                   {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 1, 1)}}},
	         {.in = {{DIMS(2, 3, 7)}, {DIMS(3, 2, 3)}},
	          .attr = {{"shape", INTS(2, 2, 9)}, {"dilations", INTS(2)},
	                   {"pads", INTS(2, 0)}}},
	         {.in = {{DIMS(1, 2, 2, 2, 4)}, {DIMS(2, 1, 2, 2, 2)}},
	          .attr = {{"shape", INTS(1, 1, 3, 3, 4)},
	                   {"strides", INTS(1, 2, 1)},
	                   {"pads", INTS(0, 1, 0, 0, 0, 1)}}}),
};

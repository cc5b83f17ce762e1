/* ConvInteger(x, w, zx, zw): the sums of a convolution of integers, see
 * ir/integer.h. The padding is x's zero point. */
#include "ir/integer.h"

static bool infer(Unit *u, Node *n)
{
	IntegerProduct p = integer_sums(n);
	return conv_shape(u, n, p.a->shape, p.b->shape, &n->out[0]->shape) &&
	       integer_infer(u, n, &p);
}

static int64_t workspace(const Node *n)
{
	IntegerProduct p = integer_sums(n);
	Conv c = conv_of(n, p.a, p.b, n->out[0]);
	return integer_conv_workspace(&p, &c);
}

static void lower(Kernel *k, const Node *n)
{
	IntegerProduct p = integer_sums(n);
	Conv c = conv_of(n, p.a, p.b, n->out[0]);
	k_integer_conv(k, &p, &c);
}

const OpDef op_ConvInteger = {
	.name = "ConvInteger", .since = 10, .min_in = 2, .max_in = 4,
	ATTRS(CONV_ATTRS),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.needs_workspace = true,
	.stops = true,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(1, 2, 4, 5), DT_U8, 0, 255},
	                 {DIMS(3, 2, 3, 3), DT_I8, -128, 127}}},
	         {.nin = 4,
	          .in = {{DIMS(2, 4, 5, 4), DT_U8, 0, 255},
	                 {DIMS(4, 2, 3, 2), DT_U8, 0, 255},
	                 {{0}, DT_U8, 1, 200}, {DIMS(4, 1, 1), DT_U8, 1, 200}},
	          .attr = {{"group", 2}, {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 2, 1)}}},
	         {.nin = 3,
	          .in = {{DIMS(1, 2, 9), DT_I8, -128, 127},
	                 {DIMS(3, 2, 3), DT_I8, -128, 127},
	                 {{0}, DT_I8, -9, 9, .constant = true}},
	          .attr = {{"dilations", INTS(2)}, {"pads", INTS(3, 0)}}}),
};

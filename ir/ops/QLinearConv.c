/* QLinearConv(x, sx, zx, w, sw, zw, sy, zy, b): a convolution of integers,
 * brought to the scale of y, see ir/integer.h. The padding is x's zero point; the
 * bias b[channels] is i32, of the scale sx sw. */
#include "ir/integer.h"

static bool check_bias(Unit *u, const Node *n)
{
	const Value *b = n->nin > QL_BIAS ? n->in[QL_BIAS] : NULL;
	int64_t channels = n->out[0]->shape.dim[1];
	if (!b || (b->dtype == DT_I32 && b->shape.rank == 1 &&
	           b->shape.dim[0] == channels))
		return true;
	error_at(u, n->loc, "its bias is %s%s, expected i32[%lld]",
	         dtype_name(b->dtype), shape_text(u->arena, b->shape),
	         (long long)channels);
	return false;
}

static bool infer(Unit *u, Node *n)
{
	IntegerProduct p = integer_requantized(n);
	return conv_shape(u, n, p.a->shape, p.b->shape, &n->out[0]->shape) &&
	       integer_infer(u, n, &p) && check_bias(u, n);
}

static int64_t workspace(const Node *n)
{
	IntegerProduct p = integer_requantized(n);
	Conv c = conv_of(n, p.a, p.b, n->out[0]);
	return integer_conv_workspace(&p, &c);
}

static void lower(Kernel *k, const Node *n)
{
	IntegerProduct p = integer_requantized(n);
	Conv c = conv_of(n, p.a, p.b, n->out[0]);
	k_integer_conv(k, &p, &c);
}

const OpDef op_QLinearConv = {
	.name = "QLinearConv", .since = 10, .min_in = 8, .max_in = 9,
	ATTRS(CONV_ATTRS),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.needs_workspace = true,
	.stops = true,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(1, 2, 4, 5), DT_U8, 0, 255},
	                 {{0}, .lo = 0.01, .hi = 0.02},
	                 {{0}, DT_U8, 1, 200},
	                 {DIMS(3, 2, 3, 3), DT_I8, -128, 127},
	                 {{0}, .lo = 0.01, .hi = 0.02}, {{0}, DT_I8, 0, 0},
	                 {{0}, .lo = 0.03, .hi = 0.04}, {{0}, DT_U8, 1, 200}},
	          .attr = {{"pads", INTS(1, 1, 1, 1)}}},
	         {.nin = 9,
	          .in = {{DIMS(2, 4, 5, 4), DT_I8, -128, 127},
	                 {{0}, .lo = 0.01, .hi = 0.02},
	                 {{0}, DT_I8, -9, 9},
	                 {DIMS(4, 2, 3, 2), DT_U8, 0, 255},
	                 {DIMS(4, 1, 1), .lo = 0.01, .hi = 0.02},
	                 {DIMS(4, 1, 1), DT_U8, 1, 200},
	                 {{0}, .lo = 0.03, .hi = 0.04}, {{0}, DT_I8, -9, 9},
	                 {DIMS(4), DT_I32, -999, 999}},
	          .attr = {{"group", 2}, {"strides", INTS(2, 1)}}},
	         {.nin = 9,
	          .in = {{DIMS(2, 4, 5, 4), DT_I8, -128, 127},
	                 {{0}, .lo = 0.01, .hi = 0.02},
	                 {{0}, DT_I8, -9, 9},
	                 {DIMS(4, 2, 3, 2), DT_I8, -128, 127},
	                 {DIMS(4, 1, 1), .lo = 0.01, .hi = 0.02},
	                 {DIMS(4, 1, 1), DT_I8, -9, 9},
	                 {{0}, .lo = 0.5, .hi = 0.6}, {{0}, DT_U8, 1, 200},
	                 {DIMS(4), DT_I32, -999, 999}},
	          .attr = {{"group", 2}, {"strides", INTS(1, 2)}}},
	         {.nin = 9,
	          .in = {{DIMS(2, 3, 5, 7), DT_U8, 0, 255},
	                 {{0}, .lo = 0.01, .hi = 0.02},
	                 {{0}, DT_U8, 1, 200},
	                 {DIMS(3, 1, 3, 3), DT_I8, -128, 127},
	                 {DIMS(3, 1, 1), .lo = 0.01, .hi = 0.02},
	                 {{0}, DT_I8, 0, 0},
	                 {{0}, .lo = 0.2, .hi = 0.3}, {{0}, DT_I8, -9, 9},
	                 {DIMS(3), DT_I32, -999, 999}},
	          .attr = {{"group", 3}, {"pads", INTS(1, 1, 1, 1)}}}),
};

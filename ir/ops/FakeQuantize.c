/*
 * FakeQuantize: y = (q(x) - zero) scale, what QuantizeLinear and DequantizeLinear
 * do one after the other; see ir/quantize.h. Its gradient goes straight through:
 * dx = dy where q(x) was not cut off, else 0 (Jacob et al., "Quantization and
 * Training of Neural Networks", 2018). Scale and zero are not trained.
 */
#include "ir/quantize.h"

static bool infer(Unit *u, Node *n)
{
	DType t;
	return quantize_type(u, n, 0, &t) && infer_broadcast(u, n);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	DType t;
	quantize_type(NULL, n, 0, &t);
	Expr *zero = n->nin > 2 ? x[2] : NULL;
	Expr *place = quantize_place(k, x[0], x[1], zero);
	place = k_min(k, k_max(k, place, k_num(k, quantize_least(t))),
	              k_num(k, quantize_greatest(t)));
	if (zero)
		place = k_sub(k, place, k_cast(k, x[0]->type, zero));
	y[0] = k_mul(k, place, x[1]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_FakeQuantizeGrad, dy[0], n->in[0], n->in[1],
	              n->nin > 2 ? n->in[2] : NULL);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_FakeQuantize = {
	.name = "FakeQuantize", .min_in = 2, .max_in = 3,
	QUANTIZE_ATTRS,
	.infer = infer,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}, {{0}, DT_F32, 0.01, 0.02, true}}},
	         {.nin = 3, .in = {{DIMS(2, 3, 4)},
	                           {DIMS(3, 1), DT_F32, 0.01, 0.1, true},
	                           {DIMS(3, 1), DT_I8, -9, 9, true}},
	          .attr = {{"to", 3}}}),
};

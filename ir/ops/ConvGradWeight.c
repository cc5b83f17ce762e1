/* ConvGradWeight(x, dy): the gradient of Conv's weight, which has `shape`; the
 * other attributes are Conv's. */
#include "ir/op.h"

#include "ir/conv.h"

enum { SHAPE = CONV_NATTRS };

static bool infer(Unit *u, Node *n)
{
	const Value *x = n->in[0], *dy = n->in[1];
	Shape w;
	if (!infer_shape(u, n, SHAPE, &w))
		return false;
	if (w.rank != x->shape.rank) {
		error_at(u, n->loc, "shape has %d dimensions, input has %d",
		         w.rank, x->shape.rank);
		return false;
	}
	n->out[0]->dtype = x->dtype;
	n->out[0]->shape = w;
	return conv_check(u, n, x->shape, w, dy->shape);
}

static Conv geometry(const Node *n)
{
	return conv_of(n, n->in[0], n->out[0], n->in[1]);
}

static int64_t workspace(const Node *n)
{
	Conv c = geometry(n);
	return conv_workspace(&c, CONV_GRAD_WEIGHT);
}

static void loops(Kernel *k, const Conv *c)
{
	ConvLoop l;
	l.g = k_for(k, c->groups);
	l.o = k_for(k, c->w->shape.dim[0] / c->groups);
	l.c = k_for(k, c->w->shape.dim[1]);
	window_for_cells(k, &c->win, l.cell);
	int sum = k_var(k, k_typed(k, compute_type(c->w->dtype), 0));
	l.n = k_for(k, c->x->shape.dim[0]);
	window_for_outputs(k, &c->win, c->y->shape, l.out);
	ConvAt at = conv_at(c, &l);
	Expr *product = k_mul(k, k_load_at(k, c->y, at.y),
	                      k_load_padded(k, c->x, at.x, 0));
	k_set(k, sum, k_add(k, k_get(k, sum), product));
	k_end_n(k, 1 + c->win.rank);
	k_store_at(k, c->w, at.w, k_get(k, sum));
	k_end_n(k, 3 + c->win.rank);
}

static void lower(Kernel *k, const Node *n)
{
	Conv c = geometry(n);
	bool call = conv_callable(&c);
	if (call)
		k_call(k, "rt_conv_grad_weight", 5, (Arg[]){
			conv_struct(&c), {.v = c.x}, {.v = c.y}, {.v = c.w},
			{.v = node_workspace(n)}});
	loops(k, &c);
	if (call)
		k_end(k);
}

const OpDef op_ConvGradWeight = {
	.name = "ConvGradWeight", .min_in = 2, .max_in = 2,
	ATTRS(CONV_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	EXAMPLES({.in = {{DIMS(1, 2, 4, 5)}, {DIMS(1, 3, 2, 3)}},
	          .attr = {{"shape", INTS(3, 2, 3, 3)}}},
	         {.in = {{DIMS(2, 2, 5, 4)}, {DIMS(2, 4, 3, 4)}},
	          .attr = {{"shape", INTS(4, 1, 3, 2)}, {"group", 2},
	                   {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 1, 1)}}},
	         {.in = {{DIMS(2, 2, 9)}, {DIMS(2, 3, 7)}},
	          .attr = {{"shape", INTS(3, 2, 3)}, {"dilations", INTS(2)},
	                   {"pads", INTS(2, 0)}}},
	         {.in = {{DIMS(1, 1, 3, 3, 4)}, {DIMS(1, 2, 2, 2, 4)}},
	          .attr = {{"shape", INTS(2, 1, 2, 2, 2)},
	                   {"strides", INTS(1, 2, 1)},
	                   {"pads", INTS(0, 1, 0, 0, 0, 1)}}}),
};

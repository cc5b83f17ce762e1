/*
 * RMSNormalization over the axes from `axis` on, N elements together:
 *
 *   inv = 1 / sqrt(sum of x^2 / N + epsilon),  y = x inv scale
 *
 * inv is an optional output, for the gradient.
 */
#include "ir/layer_norm.h"

static bool infer(Unit *u, Node *n)
{
	const Shape x = n->in[0]->shape;
	Shape whole, stat = x;
	int axis;
	if (!infer_axis(u, n, attr_int(n, LN_AXIS), x.rank, &axis))
		return false;
	if (!shape_broadcast(x, n->in[1]->shape, &whole) ||
	    !shape_equal(x, whole)) {
		error_at(u, n->loc, "a scale of shape %s does not stretch to %s",
		         shape_text(u->arena, n->in[1]->shape),
		         shape_text(u->arena, x));
		return false;
	}
	for (int a = axis; a < x.rank; a++)
		stat.dim[a] = 1;
	infer_like(n, 0, 0);
	if (n->nout > 1) {
		n->out[1]->dtype = n->in[0]->dtype;
		n->out[1]->shape = stat;
	}
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *scale = n->in[1];
	int axis = layer_norm_axis(n), loop[MAX_RANK], rank = x->shape.rank;
	for (int a = 0; a < axis; a++)
		loop[a] = k_for(k, x->shape.dim[a]);
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	layer_norm_row(k, x->shape, axis, loop);
	Expr *e = k_get(k, k_var(k, k_load(k, x, loop)));
	k_set(k, sum, k_add(k, k_get(k, sum), k_mul(k, e, e)));
	k_end_n(k, rank - axis);
	Expr *mean = k_div(k, k_get(k, sum),
	                   k_num(k, (double)layer_norm_count(n)));
	mean = k_add(k, mean, k_num(k, attr_float(n, LN_EPSILON)));
	int inv = k_var(k, k_div(k, k_num(k, 1), k_sqrt(k, mean)));
	if (n->nout > 1)
		k_store(k, n->out[1], loop, k_get(k, inv));
	layer_norm_row(k, x->shape, axis, loop);
	Expr *y = k_mul(k, k_load(k, x, loop), k_get(k, inv));
	y = k_mul(k, y, k_load(k, scale, loop + rank - scale->shape.rank));
	k_store(k, n->out[0], loop, y);
	k_end_n(k, rank);
}

static Value *inverse(Graph *g, Node *n)
{
	Shape stat = n->in[0]->shape;
	for (int a = layer_norm_axis(n); a < stat.rank; a++)
		stat.dim[a] = 1;
	return n->nout > 1 ? n->out[1]
	                   : node_add_output(g, n, n->in[0]->dtype, stat);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *inv = inverse(g, n);
	if (want[0]) {
		Node *e = NEW(g, n->loc, op_RMSNormalizationGrad, dy[0],
		              n->in[0], n->in[1], inv);
		node_copy_attrs(g, e, n);
		dx[0] = node_done(g, e);
	}
	if (want[1]) {
		Node *e = NEW(g, n->loc, op_LayerNormalizationGradScale, dy[0],
		              n->in[0], NULL, inv);
		node_set_ints(g, e, "shape", n->in[1]->shape.rank,
		              n->in[1]->shape.dim);
		dx[1] = node_done(g, e);
	}
}

const OpDef op_RMSNormalization = {
	.name = "RMSNormalization", .since = 23, .min_in = 2, .max_in = 2,
	.max_out = 2, .active = 1,
	LAYER_NORM_ATTRS,
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = layer_norm_parts,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(5)}}},
	         {.nout = 2, .in = {{DIMS(2, 3, 4)}, {DIMS(4)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(3, 4)}},
	          .attr = {{"axis", 1}, {"epsilon", .f = 0.1}}},
	         {.in = {{DIMS(7)}, {DIMS(1)}}, .attr = {{"axis", 0}}}),
};

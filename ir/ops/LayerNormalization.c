/*
 * LayerNormalization over the axes from `axis` on, N elements together:
 *
 *   mean = sum of x / N,  inv = 1 / sqrt(sum of (x - mean)^2 / N + epsilon)
 *   y = (x - mean) inv scale + bias
 *
 * mean and inv are optional outputs; the gradient asks for them rather than
 * compute them again. d mean / dx = 1 / N, d inv / dx = -inv^3 (x - mean) / N.
 */
#include "ir/build.h"
#include "ir/layer_norm.h"

static bool infer(Unit *u, Node *n)
{
	const Shape x = n->in[0]->shape;
	Shape whole, stat = x;
	int axis;
	if (!infer_axis(u, n, attr_int(n, LN_AXIS), x.rank, &axis))
		return false;
	for (int i = 1; i < n->nin; i++)
		if (n->in[i] && (!shape_broadcast(x, n->in[i]->shape, &whole) ||
		                 !shape_equal(x, whole))) {
			error_at(u, n->loc, "input %d of shape %s does not "
			         "stretch to %s", i,
			         shape_text(u->arena, n->in[i]->shape),
			         shape_text(u->arena, x));
			return false;
		}
	for (int a = axis; a < x.rank; a++)
		stat.dim[a] = 1;
	infer_like(n, 0, 0);
	for (int o = 1; o < n->nout; o++) {
		n->out[o]->dtype = n->in[0]->dtype;
		n->out[o]->shape = stat;
	}
	return true;
}

static int sum_over_row(Kernel *k, const Value *x, int axis, int loop[],
                        int center)
{
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	layer_norm_row(k, x->shape, axis, loop);
	Expr *e = k_load(k, x, loop);
	if (center >= 0) {
		e = k_get(k, k_var(k, k_sub(k, e, k_get(k, center))));
		e = k_mul(k, e, e);
	}
	k_set(k, sum, k_add(k, k_get(k, sum), e));
	k_end_n(k, x->shape.rank - axis);
	return sum;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *scale = n->in[1];
	const Value *bias = n->nin > 2 ? n->in[2] : NULL;
	int axis = layer_norm_axis(n), loop[MAX_RANK], rank = x->shape.rank;
	Expr *count = k_num(k, (double)layer_norm_count(n));
	for (int a = 0; a < axis; a++)
		loop[a] = k_for(k, x->shape.dim[a]);
	int sum = sum_over_row(k, x, axis, loop, -1);
	int mean = k_var(k, k_div(k, k_get(k, sum), count));
	int square = sum_over_row(k, x, axis, loop, mean);
	Expr *var = k_add(k, k_div(k, k_get(k, square), count),
	                  k_num(k, attr_float(n, LN_EPSILON)));
	int inv = k_var(k, k_div(k, k_num(k, 1), k_sqrt(k, var)));
	if (n->nout > 1)
		k_store(k, n->out[1], loop, k_get(k, mean));
	if (n->nout > 2)
		k_store(k, n->out[2], loop, k_get(k, inv));
	layer_norm_row(k, x->shape, axis, loop);
	Expr *y = k_mul(k, k_sub(k, k_load(k, x, loop), k_get(k, mean)),
	                k_get(k, inv));
	y = k_mul(k, y, k_load(k, scale, loop + rank - scale->shape.rank));
	if (bias)
		y = k_add(k, y, k_load(k, bias, loop + rank - bias->shape.rank));
	k_store(k, n->out[0], loop, y);
	k_end_n(k, rank);
}

/* What reaches x through the outputs mean and inv. */
static Value *add_statistics(Graph *g, Node *n, Value *dx, Value *dmean,
                             Value *dinv)
{
	Value *x = n->in[0], *mean = n->out[1], *inv = n->out[2], *part[2] = {0};
	double each = 1.0 / (double)layer_norm_count(n);
	if (dmean)
		part[0] = build_expand(g, n->loc, build_scale(g, n->loc, dmean,
		                                              each), x->shape);
	if (dinv) {
		Value *cube = APPLY(g, n->loc, op_Mul, inv,
		                    APPLY(g, n->loc, op_Mul, inv, inv));
		Value *row = APPLY(g, n->loc, op_Mul, dinv,
		                   build_scale(g, n->loc, cube, -each));
		part[1] = APPLY(g, n->loc, op_Mul, row,
		                APPLY(g, n->loc, op_Sub, x, mean));
	}
	for (int i = 0; i < 2; i++)
		if (part[i])
			dx = dx ? APPLY(g, n->loc, op_Add, dx, part[i]) : part[i];
	return dx;
}

static Value *grad_input(Graph *g, Node *n, Value *dy)
{
	Node *e = NEW(g, n->loc, op_LayerNormalizationGrad, dy, n->in[0],
	              n->in[1], n->out[1], n->out[2]);
	node_copy_attrs(g, e, n);
	return node_done(g, e);
}

static Value *grad_scale(Graph *g, Node *n, Value *dy)
{
	Node *e = NEW(g, n->loc, op_LayerNormalizationGradScale, dy, n->in[0],
	              n->out[1], n->out[2]);
	node_set_ints(g, e, "shape", n->in[1]->shape.rank,
	              n->in[1]->shape.dim);
	return node_done(g, e);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *dmean = n->nout > 1 ? dy[1] : NULL;
	Value *dinv = n->nout > 2 ? dy[2] : NULL;
	Shape stat = n->in[0]->shape;
	for (int a = layer_norm_axis(n); a < stat.rank; a++)
		stat.dim[a] = 1;
	while (n->nout < 3)
		node_add_output(g, n, n->in[0]->dtype, stat);
	if (want[0] && dy[0])
		dx[0] = grad_input(g, n, dy[0]);
	if (want[0])
		dx[0] = add_statistics(g, n, dx[0], dmean, dinv);
	if (want[1] && dy[0])
		dx[1] = grad_scale(g, n, dy[0]);
	if (n->nin > 2)
		dx[2] = dy[0];
}

const OpDef op_LayerNormalization = {
	.name = "LayerNormalization", .since = 17, .min_in = 2, .max_in = 3,
	.max_out = 3,
	LAYER_NORM_ATTRS,
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = layer_norm_parts,
	EXAMPLES({.nin = 3, .in = {{DIMS(3, 5)}, {DIMS(5)}, {DIMS(5)}}},
	         {.nin = 3, .nout = 3,
	          .in = {{DIMS(2, 3, 4)}, {DIMS(4)}, {DIMS(4)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(3, 4)}},
	          .attr = {{"axis", 1}, {"epsilon", .f = 0.1}}},
	         {.nin = 3, .in = {{DIMS(7)}, {DIMS(1)}, {{0}}},
	          .attr = {{"axis", 0}}}),
};

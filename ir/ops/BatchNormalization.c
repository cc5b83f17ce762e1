/*
 * BatchNormalization with given statistics (inference, or frozen):
 *
 *   y = (x - mean) / sqrt(var + epsilon) * scale + b     per channel
 *
 * With i = 1 / sqrt(var + epsilon):
 *   dx = dy scale i, dscale = sum of dy (x - mean) i, db = sum of dy,
 *   dmean = -db scale i, dvar = -dscale scale i^2 / 2
 */
#include "ir/op.h"

#include "ir/build.h"
#include "ir/channels.h"

enum { EPSILON };
enum { X, SCALE, B, MEAN, VAR };

static bool infer(Unit *u, Node *n)
{
	return channels_check(u, n, SCALE, VAR) && infer_like(n, 0, X);
}

static void lower(Kernel *k, const Node *n)
{
	Channels t = channels_of(n->in[X]->shape);
	int c = k_for(k, t.c);
	Expr *var = k_load_flat(k, n->in[VAR], k_at(c));
	Expr *deviation = k_sqrt(k, k_add(k, var,
	                                  k_num(k, attr_float(n, EPSILON))));
	int factor = k_var(k, k_div(k, k_load_flat(k, n->in[SCALE], k_at(c)),
	                            deviation));
	int mean = k_var(k, k_load_flat(k, n->in[MEAN], k_at(c)));
	int b = k_var(k, k_load_flat(k, n->in[B], k_at(c)));
	channels_open(k, &t);
	Index at = channels_at(&t, c);
	Expr *x = k_sub(k, k_load_flat(k, n->in[X], at), k_get(k, mean));
	k_store_flat(k, n->out[0], at,
	             k_add(k, k_mul(k, x, k_get(k, factor)), k_get(k, b)));
	channels_close(k);
	k_end(k);
}

static Value *multiply(Graph *g, Node *n, Value *a, Value *b)
{
	return APPLY(g, n->loc, op_Mul, a, b);
}

static Value *inverse_deviation(Graph *g, Node *n)
{
	Value *epsilon = graph_scalar(g, n->in[VAR]->dtype,
	                              attr_float(n, EPSILON));
	Value *var = APPLY(g, n->loc, op_Add, n->in[VAR], epsilon);
	return APPLY(g, n->loc, op_Reciprocal,
	             APPLY(g, n->loc, op_Sqrt, var));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *inverse = inverse_deviation(g, n);
	Value *factor = multiply(g, n, n->in[SCALE], inverse);
	if (want[X])
		dx[X] = multiply(g, n, dy[0],
		                 channels_stretch(g, n->loc, factor,
		                                  n->in[X]->shape));
	if (!want[SCALE] && !want[MEAN] && !want[VAR]) {
		dx[B] = channels_sum(g, n->loc, dy[0]);
		return;
	}
	Node *sums = NEW(g, n->loc, op_BatchNormalizationSums, n->in[X], dy[0],
	                 n->in[MEAN]);
	dx[SCALE] = multiply(g, n, node_done(g, sums), inverse);
	dx[B] = sums->out[1];
	if (want[MEAN])
		dx[MEAN] = build_scale(g, n->loc,
		                       multiply(g, n, dx[B], factor), -1);
	if (want[VAR])
		dx[VAR] = build_scale(g, n->loc, multiply(g, n, dx[SCALE],
		                      multiply(g, n, factor, inverse)), -0.5);
}

const OpDef op_BatchNormalization = {
	.name = "BatchNormalization", .since = 14, .min_in = 5, .max_in = 5,
	ATTRS([EPSILON] = {"epsilon", ATTR_FLOAT, true, .f = 1e-5}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts_first,
	.bands = &bands_first,
	EXAMPLES({.in = {{DIMS(2, 3, 4, 5)}, {DIMS(3)}, {DIMS(3)}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}}},
	         {.in = {{DIMS(4, 3)}, {DIMS(3)}, {DIMS(3)}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}},
	          .attr = {{"epsilon", .f = 0.1}}},
	         {.in = {{DIMS(1, 1, 3)}, {DIMS(1)}, {DIMS(1)}, {DIMS(1)},
	                 {DIMS(1), .lo = 0.2, .hi = 2}}}),
};

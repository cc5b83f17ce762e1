/*
 * BatchNormalizationTrain (training_mode of ONNX's BatchNormalization): per
 * channel, with the mean and the variance of this batch,
 *
 *   y = (x - mean) / sqrt(var + epsilon) * scale + b
 *   running' = running * momentum + batch's * (1 - momentum)
 *
 * Outputs: y, mean, 1 / sqrt(var + epsilon), running mean', running var'. The
 * statistics are constants to everything but this operator's own gradient.
 * With `unbiased` the variance that goes to the running one is over count - 1,
 * as in PyTorch; ONNX says count.
 */
#include "ir/op.h"

#include "ir/channels.h"

enum { EPSILON, MOMENTUM, UNBIASED };
enum { X, SCALE, B, RUNNING_MEAN, RUNNING_VAR };
enum { Y, MEAN, INVERSE, NEW_MEAN, NEW_VAR };

static bool infer(Unit *u, Node *n)
{
	infer_like(n, Y, X);
	for (int o = MEAN; o <= NEW_VAR; o++)
		channels_infer(n, o);
	return channels_check(u, n, SCALE, RUNNING_VAR);
}

/* Sum of x - shift, or of its square; a scalar variable. */
static int sum_over(Kernel *k, const Value *x, Channels *t, int c, int shift)
{
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	channels_open(k, t);
	Expr *term = k_load_flat(k, x, channels_at(t, c));
	if (shift >= 0) {
		term = k_get(k, k_var(k, k_sub(k, term, k_get(k, shift))));
		term = k_mul(k, term, term);
	}
	k_set(k, sum, k_add(k, k_get(k, sum), term));
	channels_close(k);
	return sum;
}

static void update(Kernel *k, const Node *n, int in, int out, int c, Expr *batch)
{
	double momentum = attr_float(n, MOMENTUM);
	Expr *old = k_load_flat(k, n->in[in], k_at(c));
	k_store_flat(k, n->out[out], k_at(c),
	             k_add(k, k_mul(k, old, k_num(k, momentum)),
	                   k_mul(k, batch, k_num(k, 1 - momentum))));
}

static void normalise(Kernel *k, const Node *n, Channels *t, int c, int mean,
                      int inverse)
{
	Expr *scale = k_load_flat(k, n->in[SCALE], k_at(c));
	int factor = k_var(k, k_mul(k, scale, k_get(k, inverse)));
	int b = k_var(k, k_load_flat(k, n->in[B], k_at(c)));
	channels_open(k, t);
	Index at = channels_at(t, c);
	Expr *x = k_sub(k, k_load_flat(k, n->in[X], at), k_get(k, mean));
	k_store_flat(k, n->out[Y], at,
	             k_add(k, k_mul(k, x, k_get(k, factor)), k_get(k, b)));
	channels_close(k);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[X];
	Channels t = channels_of(x->shape);
	double count = (double)(t.n * t.s);
	double less = attr_int(n, UNBIASED) && count > 1 ? count - 1 : count;
	int c = k_for(k, t.c);
	int sum = sum_over(k, x, &t, c, -1);
	int mean = k_var(k, k_div(k, k_get(k, sum), k_num(k, count)));
	int squares = sum_over(k, x, &t, c, mean);
	Expr *var = k_div(k, k_get(k, squares), k_num(k, count));
	Expr *deviation = k_sqrt(k, k_add(k, var,
	                                  k_num(k, attr_float(n, EPSILON))));
	int inverse = k_var(k, k_div(k, k_num(k, 1), deviation));
	k_store_flat(k, n->out[MEAN], k_at(c), k_get(k, mean));
	k_store_flat(k, n->out[INVERSE], k_at(c), k_get(k, inverse));
	update(k, n, RUNNING_MEAN, NEW_MEAN, c, k_get(k, mean));
	update(k, n, RUNNING_VAR, NEW_VAR, c,
	       k_div(k, k_get(k, squares), k_num(k, less)));
	normalise(k, n, &t, c, mean, inverse);
	k_end(k);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	if (!dy[Y])
		return;
	Node *d = NEW(g, n->loc, op_BatchNormalizationGrad, n->in[X], dy[Y],
	              n->in[SCALE], n->out[MEAN], n->out[INVERSE]);
	dx[X] = node_done(g, d);
	dx[SCALE] = d->out[1];
	dx[B] = d->out[2];
}

const OpDef op_BatchNormalizationTrain = {
	.name = "BatchNormalizationTrain", .min_in = 5, .max_in = 5,
	.min_out = 5, .max_out = 5,
	.statistics = 4,
	ATTRS([EPSILON] = {"epsilon", ATTR_FLOAT, true, .f = 1e-5},
	      [MOMENTUM] = {"momentum", ATTR_FLOAT, true, .f = 0.9},
	      [UNBIASED] = {"unbiased", ATTR_INT, true, 0}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	EXAMPLES({.nout = 5,
	          .in = {{DIMS(2, 3, 4, 5)}, {DIMS(3)}, {DIMS(3)}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}}},
	         {.nout = 5,
	          .in = {{DIMS(5, 3)}, {DIMS(3)}, {DIMS(3)}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}},
	          .attr = {{"unbiased", 1}, {"momentum", .f = 0.3},
	                   {"epsilon", .f = 0.1}}},
	         {.nout = 5,
	          .in = {{DIMS(2, 1, 3)}, {DIMS(1)}, {DIMS(1)}, {DIMS(1)},
	                 {DIMS(1), .lo = 0.2, .hi = 2}}}),
};

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
	Channels t = channels_of(n->in[X]->shape);
	int c = k_for(k, t.c);
	ChannelStatistics s = channels_statistics(k, n->in[X], &t, c,
	        attr_float(n, EPSILON), attr_int(n, UNBIASED) != 0);
	k_store_flat(k, n->out[MEAN], k_at(c), k_get(k, s.mean));
	k_store_flat(k, n->out[INVERSE], k_at(c), k_get(k, s.inverse));
	update(k, n, RUNNING_MEAN, NEW_MEAN, c, k_get(k, s.mean));
	update(k, n, RUNNING_VAR, NEW_VAR, c, k_get(k, s.variance));
	normalise(k, n, &t, c, s.mean, s.inverse);
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
	.active = 1,
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

/*
 * BatchNormalizationStatistics: the part of BatchNormalizationTrain that looks
 * at the whole batch. Per channel of x: the mean, 1 / sqrt(var + epsilon), and
 * the running statistics moved towards this batch's,
 *
 *   running' = running * momentum + batch's * (1 - momentum).
 *
 * With `unbiased` the variance that goes to the running one is over count - 1,
 * as in PyTorch; ONNX says count.
 */
#include "ir/op.h"

#include "ir/channels.h"

enum { EPSILON, MOMENTUM, UNBIASED };
enum { X, RUNNING_MEAN, RUNNING_VAR };
enum { MEAN, INVERSE, NEW_MEAN, NEW_VAR };

static bool infer(Unit *u, Node *n)
{
	for (int o = MEAN; o <= NEW_VAR; o++)
		channels_infer(n, o);
	return channels_check(u, n, RUNNING_MEAN, RUNNING_VAR);
}

static void lower(Kernel *k, const Node *n)
{
	Channels t = channels_of(n->in[X]->shape);
	int c = k_for(k, t.c);
	ChannelStatistics s = channels_statistics(k, n->in[X], &t, c,
	        attr_float(n, EPSILON), attr_int(n, UNBIASED) != 0);
	k_store_flat(k, n->out[MEAN], k_at(c), k_get(k, s.mean));
	k_store_flat(k, n->out[INVERSE], k_at(c), k_get(k, s.inverse));
	for (int i = 0; i < 2; i++) {
		double momentum = attr_float(n, MOMENTUM);
		Expr *old = k_load_flat(k, n->in[RUNNING_MEAN + i], k_at(c));
		Expr *batch = k_get(k, i ? s.variance : s.mean);
		k_store_flat(k, n->out[NEW_MEAN + i], k_at(c),
		             k_add(k, k_mul(k, old, k_num(k, momentum)),
		                   k_mul(k, batch, k_num(k, 1 - momentum))));
	}
	k_end(k);
}

const OpDef op_BatchNormalizationStatistics = {
	.name = "BatchNormalizationStatistics", .min_in = 3, .max_in = 3,
	.min_out = 4, .max_out = 4,
	ATTRS([EPSILON] = {"epsilon", ATTR_FLOAT, true, .f = 1e-5},
	      [MOMENTUM] = {"momentum", ATTR_FLOAT, true, .f = 0.9},
	      [UNBIASED] = {"unbiased", ATTR_INT, true, 0}),
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nout = 4,
	          .in = {{DIMS(2, 3, 4, 5)}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}}},
	         {.nout = 4,
	          .in = {{DIMS(5, 3)}, {DIMS(3)}, {DIMS(3), .lo = 0.2, .hi = 2}},
	          .attr = {{"unbiased", 1}, {"momentum", .f = 0.3},
	                   {"epsilon", .f = 0.1}}}),
};

/*
 * BatchNormalizationFinish: BatchNormalizationStatistics from the moments of
 * `count` elements per channel (BatchNormalizationMoments, or the average of
 * those of equal parts): the mean, 1 / sqrt(var + epsilon), and the running
 * statistics moved towards this batch's. Inputs moments, running mean, running
 * var; the other attributes are BatchNormalizationStatistics's.
 */
#include "ir/op.h"

enum { EPSILON, MOMENTUM, UNBIASED, COUNT };
enum { MOMENTS, RUNNING_MEAN, RUNNING_VAR };
enum { MEAN, INVERSE, NEW_MEAN, NEW_VAR };

static bool infer(Unit *u, Node *n)
{
	const Value *moments = n->in[MOMENTS], *mean = n->in[RUNNING_MEAN];
	Shape channels = mean->shape;
	for (int o = MEAN; o <= NEW_VAR; o++)
		infer_like(n, o, RUNNING_MEAN);
	if (moments->dtype == DT_F64 && channels.rank == 1 &&
	    shape_equal(moments->shape, (Shape){2, {2, channels.dim[0]}}) &&
	    dtype_is_float(mean->dtype) &&
	    n->in[RUNNING_VAR]->dtype == mean->dtype &&
	    shape_equal(n->in[RUNNING_VAR]->shape, channels) &&
	    attr_int(n, COUNT) > 0)
		return true;
	error_at(u, n->loc, "moments are %s%s of %lld elements, running "
	         "statistics %s%s; expected f64[2,C] of 1 or more and floats "
	         "[C]", dtype_name(moments->dtype),
	         shape_text(u->arena, moments->shape),
	         (long long)attr_int(n, COUNT), dtype_name(mean->dtype),
	         shape_text(u->arena, channels));
	return false;
}

static Expr *moment(Kernel *k, const Node *n, int row, int c)
{
	int64_t channels = n->in[MOMENTS]->shape.dim[1];
	Index at = k_plus(k_at(c), row * channels);
	return k_get(k, k_var(k, k_load_flat(k, n->in[MOMENTS], at)));
}

static void update(Kernel *k, const Node *n, int i, int c, Expr *batch)
{
	double momentum = attr_float(n, MOMENTUM);
	Expr *old = k_load_flat(k, n->in[RUNNING_MEAN + i], k_at(c));
	k_store_flat(k, n->out[NEW_MEAN + i], k_at(c),
	             k_add(k, k_mul(k, old, k_num(k, momentum)),
	                   k_mul(k, batch, k_num(k, 1 - momentum))));
}

/* What rounding made negative is 0. */
static int variance(Kernel *k, const Node *n, int c, Expr *m)
{
	Expr *v = k_sub(k, moment(k, n, 1, c), k_mul(k, m, m));
	return k_var(k, k_max(k, v, k_num(k, 0)));
}

static void lower(Kernel *k, const Node *n)
{
	DType type = compute_type(n->in[RUNNING_MEAN]->dtype);
	double count = (double)attr_int(n, COUNT);
	bool less = attr_int(n, UNBIASED) && count > 1;
	int c = k_for(k, n->in[RUNNING_MEAN]->shape.dim[0]);
	Expr *m = moment(k, n, 0, c);
	int v = variance(k, n, c, m);
	Expr *mean = k_get(k, k_var(k, k_cast(k, type, m)));
	Expr *deviation = k_sqrt(k, k_add(k, k_cast(k, type, k_get(k, v)),
	                                  k_num(k, attr_float(n, EPSILON))));
	Expr *factor = k_num(k, less ? count / (count - 1) : 1);
	k_store_flat(k, n->out[MEAN], k_at(c), mean);
	k_store_flat(k, n->out[INVERSE], k_at(c),
	             k_div(k, k_num(k, 1), deviation));
	update(k, n, 0, c, mean);
	update(k, n, 1, c, k_cast(k, type, k_mul(k, k_get(k, v), factor)));
	k_end(k);
}

const OpDef op_BatchNormalizationFinish = {
	.name = "BatchNormalizationFinish", .min_in = 3, .max_in = 3,
	.min_out = 4, .max_out = 4,
	ATTRS([EPSILON] = {"epsilon", ATTR_FLOAT, true, .f = 1e-5},
	      [MOMENTUM] = {"momentum", ATTR_FLOAT, true, .f = 0.9},
	      [UNBIASED] = {"unbiased", ATTR_INT, true, 0},
	      [COUNT] = {"count", ATTR_INT}),
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nout = 4,
	          .in = {{DIMS(2, 4), DT_F64, .lo = 1, .hi = 1.5}, {DIMS(4)},
	                 {DIMS(4), .lo = 0.2, .hi = 2}},
	          .attr = {{"count", 8}}},
	         {.nout = 4,
	          .in = {{DIMS(2, 3), DT_F64, .lo = 1, .hi = 1.25}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}},
	          .attr = {{"unbiased", 1}, {"momentum", .f = 0.3},
	                   {"epsilon", .f = 0.1}, {"count", 5}}}),
};

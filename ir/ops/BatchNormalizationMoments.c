/*
 * BatchNormalizationMoments: what BatchNormalizationStatistics needs of x, so
 * that the moments of equal parts of the batch average to those of all of it.
 * Per channel, in f64, [2,C]: the mean of x, and the mean of x^2.
 *
 * The variance, their difference v = mean of x^2 - m^2, is to have f32's digits
 * though the mean may be far larger. So the mean of x^2 is computed as m^2 + v,
 * in f64, whose rounding is that much smaller; and before that, with a first
 * mean s in x's type and d = x - s, the mean as m = s + mean of d, and the
 * variance as v = mean of d^2 - (mean of d)^2 (Chan, Golub and LeVeque,
 * "Algorithms for Computing the Sample Variance", 1983). Only the C results are
 * computed in f64.
 */
#include "ir/op.h"

#include "ir/channels.h"

static bool infer(Unit *u, Node *n)
{
	if (!channels_check(u, n, 1, 0))
		return false;
	n->out[0]->dtype = DT_F64;
	n->out[0]->shape = (Shape){2, {2, n->in[0]->shape.dim[1]}};
	return true;
}

/* The mean of a sum over a channel, as a variable. */
static int mean_of(Kernel *k, Channels *t, DType type, int sum)
{
	Expr *x = k_cast(k, type, k_get(k, sum));
	return k_var(k, k_div(k, x, k_num(k, (double)(t->n * t->s))));
}

static void store(Kernel *k, const Node *n, int row, int c, Expr *x)
{
	int64_t channels = n->out[0]->shape.dim[1];
	k_store_flat(k, n->out[0], k_plus(k_at(c), row * channels), x);
}

static void add_to(Kernel *k, int sum, Expr *x)
{
	k_set(k, sum, k_add(k, k_get(k, sum), x));
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0];
	Channels t = channels_of(x->shape);
	DType type = compute_type(x->dtype);
	int c = k_for(k, t.c);
	int sum = k_var(k, k_typed(k, type, 0));
	channels_open(k, &t);
	add_to(k, sum, k_load_flat(k, x, channels_at(&t, c)));
	channels_close(k);
	int shift = mean_of(k, &t, type, sum);
	int first = k_var(k, k_typed(k, type, 0));
	int second = k_var(k, k_typed(k, type, 0));
	channels_open(k, &t);
	Expr *e = k_load_flat(k, x, channels_at(&t, c));
	Expr *d = k_get(k, k_var(k, k_sub(k, e, k_get(k, shift))));
	add_to(k, first, d);
	add_to(k, second, k_mul(k, d, d));
	channels_close(k);
	Expr *d1 = k_get(k, mean_of(k, &t, DT_F64, first));
	Expr *d2 = k_get(k, mean_of(k, &t, DT_F64, second));
	Expr *m = k_add(k, k_cast(k, DT_F64, k_get(k, shift)), d1);
	m = k_get(k, k_var(k, m));
	Expr *v = k_sub(k, d2, k_mul(k, d1, d1));
	store(k, n, 0, c, m);
	store(k, n, 1, c, k_add(k, k_mul(k, m, m), v));
	k_end(k);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return parts_give(n, PART_MEAN, out);
}

const OpDef op_BatchNormalizationMoments = {
	.name = "BatchNormalizationMoments", .min_in = 1, .max_in = 1,
	.infer = infer,
	.lower = lower,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(4, 3, 4, 5)}}},
	         {.in = {{DIMS(4, 2, 7), .lo = 999, .hi = 1001}}},
	         {.in = {{DIMS(5, 3)}}}),
};

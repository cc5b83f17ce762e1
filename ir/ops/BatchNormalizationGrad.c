/*
 * BatchNormalizationGrad(x, dy, scale, mean, inverse deviation): through the
 * batch's own statistics. With h = (x - mean) inverse and sums over a channel
 * of `count` elements:
 *
 *   dscale = sum of dy h, db = sum of dy,
 *   dx = scale inverse (dy - db / count - h dscale / count)
 */
#include "ir/op.h"

#include "ir/channels.h"

enum { X, DY, SCALE, MEAN, INVERSE };
enum { DX, DSCALE, DB };

static bool infer(Unit *u, Node *n)
{
	infer_like(n, DX, X);
	channels_infer(n, DSCALE);
	channels_infer(n, DB);
	return channels_check(u, n, SCALE, INVERSE);
}

typedef struct Sums {
	int mean, inverse, sum, product;   /* scalar variables */
} Sums;

static Expr *centred(Kernel *k, const Node *n, const Sums *v, Index at)
{
	return k_sub(k, k_load_flat(k, n->in[X], at), k_get(k, v->mean));
}

/* product: the sum of dy (x - mean). */
static Sums sums_of(Kernel *k, const Node *n, Channels *t, int c)
{
	DType type = compute_type(n->in[X]->dtype);
	Sums v;
	v.mean = k_var(k, k_load_flat(k, n->in[MEAN], k_at(c)));
	v.inverse = k_var(k, k_load_flat(k, n->in[INVERSE], k_at(c)));
	v.sum = k_var(k, k_typed(k, type, 0));
	v.product = k_var(k, k_typed(k, type, 0));
	channels_open(k, t);
	Index at = channels_at(t, c);
	int dy = k_var(k, k_load_flat(k, n->in[DY], at));
	k_set(k, v.sum, k_add(k, k_get(k, v.sum), k_get(k, dy)));
	k_set(k, v.product,
	      k_add(k, k_get(k, v.product),
	            k_mul(k, k_get(k, dy), centred(k, n, &v, at))));
	channels_close(k);
	return v;
}

/* dx = (dy - mean_dy - (x - mean) slope) factor */
static void lower(Kernel *k, const Node *n)
{
	Channels t = channels_of(n->in[X]->shape);
	Expr *count = k_num(k, (double)(t.n * t.s));
	int c = k_for(k, t.c);
	Sums v = sums_of(k, n, &t, c);
	int dscale = k_var(k, k_mul(k, k_get(k, v.product),
	                            k_get(k, v.inverse)));
	k_store_flat(k, n->out[DSCALE], k_at(c), k_get(k, dscale));
	k_store_flat(k, n->out[DB], k_at(c), k_get(k, v.sum));
	int mean_dy = k_var(k, k_div(k, k_get(k, v.sum), count));
	int slope = k_var(k, k_div(k, k_mul(k, k_get(k, dscale),
	                                    k_get(k, v.inverse)), count));
	int factor = k_var(k, k_mul(k, k_load_flat(k, n->in[SCALE], k_at(c)),
	                            k_get(k, v.inverse)));
	channels_open(k, &t);
	Index at = channels_at(&t, c);
	Expr *dy = k_sub(k, k_load_flat(k, n->in[DY], at), k_get(k, mean_dy));
	Expr *along = k_mul(k, centred(k, n, &v, at), k_get(k, slope));
	k_store_flat(k, n->out[DX], at,
	             k_mul(k, k_sub(k, dy, along), k_get(k, factor)));
	channels_close(k);
	k_end(k);
}

const OpDef op_BatchNormalizationGrad = {
	.name = "BatchNormalizationGrad", .min_in = 5, .max_in = 5,
	.min_out = 3, .max_out = 3,
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nout = 3,
	          .in = {{DIMS(2, 3, 4, 5)}, {DIMS(2, 3, 4, 5)}, {DIMS(3)},
	                 {DIMS(3)}, {DIMS(3), .lo = 0.2, .hi = 2}}},
	         {.nout = 3,
	          .in = {{DIMS(5, 3)}, {DIMS(5, 3)}, {DIMS(3)}, {DIMS(3)},
	                 {DIMS(3), .lo = 0.2, .hi = 2}}}),
};

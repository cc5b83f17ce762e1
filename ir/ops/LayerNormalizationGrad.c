/*
 * LayerNormalizationGrad: the gradient of the input, from dy, x, scale, mean
 * and inv. With g = dy scale, h = (x - mean) inv, and means over the N elements
 * of a row: dx = inv (g - mean of g - h mean of g h).
 */
#include "ir/layer_norm.h"

static bool infer(Unit *u, Node *n)
{
	return infer_like(n, 0, 1);
}

typedef struct Row {
	const Node *n;
	int rank, axis, loop[MAX_RANK];
	int mean, inv;
} Row;

/* Opens the loops along the row; g and h of an element. */
static void open(Kernel *k, Row *r, Expr **g, Expr **h)
{
	const Value *dy = r->n->in[0], *x = r->n->in[1], *scale = r->n->in[2];
	const int *at = r->loop + r->rank - scale->shape.rank;
	layer_norm_row(k, x->shape, r->axis, r->loop);
	*g = k_get(k, k_var(k, k_mul(k, k_load(k, dy, r->loop),
	                             k_load(k, scale, at))));
	*h = k_mul(k, k_sub(k, k_load(k, x, r->loop), k_get(k, r->mean)),
	           k_get(k, r->inv));
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[1];
	Row r = {.n = n, .rank = x->shape.rank, .axis = layer_norm_axis(n)};
	Expr *count = k_num(k, (double)layer_norm_count(n)), *g, *h;
	for (int a = 0; a < r.axis; a++)
		r.loop[a] = k_for(k, x->shape.dim[a]);
	r.mean = k_var(k, k_load(k, n->in[3], r.loop));
	r.inv = k_var(k, k_load(k, n->in[4], r.loop));
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	int dot = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	open(k, &r, &g, &h);
	k_set(k, sum, k_add(k, k_get(k, sum), g));
	k_set(k, dot, k_add(k, k_get(k, dot), k_mul(k, g, h)));
	k_end_n(k, r.rank - r.axis);
	k_set(k, sum, k_div(k, k_get(k, sum), count));
	k_set(k, dot, k_div(k, k_get(k, dot), count));
	open(k, &r, &g, &h);
	Expr *rest = k_add(k, k_get(k, sum), k_mul(k, h, k_get(k, dot)));
	k_store(k, n->out[0], r.loop,
	        k_mul(k, k_get(k, r.inv), k_sub(k, g, rest)));
	k_end_n(k, r.rank);
}

const OpDef op_LayerNormalizationGrad = {
	.name = "LayerNormalizationGrad", .min_in = 5, .max_in = 5,
	LAYER_NORM_ATTRS,
	.infer = infer,
	.lower = lower,
	.parts = layer_norm_parts,
	EXAMPLES({.in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(5)}, {DIMS(3, 1)},
	                 {DIMS(3, 1)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4)}, {DIMS(3, 1)},
	                 {DIMS(2, 1, 1)}, {DIMS(2, 1, 1)}},
	          .attr = {{"axis", 1}}}),
};

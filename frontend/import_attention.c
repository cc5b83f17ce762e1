/*
 * Attention and RotaryEmbedding (opset 23 on) as the products, sums and moves they
 * are made of. Groups of query heads that share a head of keys and values are a
 * dimension of their own, along which MatMul stretches: nothing is repeated.
 */
#include "frontend/import_rules.h"

#include <math.h>
#include <string.h>

typedef struct Attention {
	Site *s;
	Graph *g;
	bool flat;              /* inputs are [batch, length, heads * size] */
	int64_t batch, heads, kv_heads, length, kv_length;
	Value *q, *k, *v;       /* [batch, heads, length, size] */
	Value *allowed;         /* bool, stretches to the scores; NULL: all */
	Value *bias;            /* NULL: none */
} Attention;

static Value *binary(Site *s, const char *op, Value *a, Value *b)
{
	return a && b ? site_apply(s, op, 2, (Value *[]){a, b}) : NULL;
}

static Value *by_scalar(Site *s, const char *op, Value *a, double x)
{
	return a ? binary(s, op, a, graph_scalar(s->im->g, a->dtype, x)) : NULL;
}

static Value *joined(Site *s, int axis, Value *a, Value *b)
{
	return a && b ? site_concat(s, axis, 2, (Value *[]){a, b}) : NULL;
}

/* ---- heads ---- */

static bool bad_heads(Site *s, int i, int64_t heads)
{
	site_error(s, "input %d has the shape %s for %lld heads", i,
	           shape_text(s->im->u->arena, s->in[i]->shape),
	           (long long)heads);
	return false;
}

/* [batch, length, heads * size] as [batch, heads, length, size]. */
static Value *split_heads(Site *s, Value *x, int64_t heads)
{
	const int64_t *d = x->shape.dim;
	Shape apart = {4, {d[0], d[1], heads, d[2] / heads}};
	Value *y = site_reshape(s, x, apart);
	return y ? site_transpose(s, y, (int[]){0, 2, 1, 3}) : NULL;
}

static Value *merge_heads(Site *s, Value *x)
{
	Value *y = site_transpose(s, x, (int[]){0, 2, 1, 3});
	const int64_t *d = y ? y->shape.dim : NULL;
	return y ? site_reshape(s, y, (Shape){3, {d[0], d[1], d[2] * d[3]}})
	         : NULL;
}

static bool read_heads(Site *s, int i, const char *attr, Value **out)
{
	Value *x = site_in(s, i);
	int64_t heads = site_int(s, attr, 0);
	if (!x || (x->shape.rank != 3 && x->shape.rank != 4)) {
		site_error(s, "input %d has not 3 or 4 dimensions", i);
		return false;
	}
	*out = x;
	if (x->shape.rank == 4)
		return true;
	if (heads < 1 || x->shape.dim[2] % heads)
		return bad_heads(s, i, heads);
	*out = split_heads(s, x, heads);
	return *out != NULL;
}

/* Keys or values: those of the past, if there are any, come first. */
static bool add_past(Site *s, int i, Value **x)
{
	if (site_in(s, i))
		*x = joined(s, 2, s->in[i], *x);
	return *x != NULL;
}

static bool read_inputs(Attention *a)
{
	Site *s = a->s;
	if (!read_heads(s, 0, "q_num_heads", &a->q) ||
	    !read_heads(s, 1, "kv_num_heads", &a->k) ||
	    !read_heads(s, 2, "kv_num_heads", &a->v) ||
	    !add_past(s, 4, &a->k) || !add_past(s, 5, &a->v))
		return false;
	const int64_t *q = a->q->shape.dim, *k = a->k->shape.dim;
	const int64_t *v = a->v->shape.dim;
	a->flat = s->in[0]->shape.rank == 3;
	a->batch = q[0];
	a->heads = q[1];
	a->length = q[2];
	a->kv_heads = k[1];
	a->kv_length = k[2];
	if (k[0] == q[0] && v[0] == q[0] && v[1] == k[1] && v[2] == k[2] &&
	    k[3] == q[3] && k[1] > 0 && q[1] % k[1] == 0)
		return true;
	site_error(s, "queries %s, keys %s and values %s do not fit",
	           shape_text(s->im->u->arena, a->q->shape),
	           shape_text(s->im->u->arena, a->k->shape),
	           shape_text(s->im->u->arena, a->v->shape));
	return false;
}

/* x [batch, heads, rows, n] times y [batch, kv_heads, n, columns]. */
static Value *grouped_product(Attention *a, Value *x, Value *y)
{
	Site *s = a->s;
	int64_t group = a->heads / a->kv_heads;
	if (group == 1)
		return binary(s, "MatMul", x, y);
	const int64_t *d = x->shape.dim, *e = y->shape.dim;
	x = site_reshape(s, x, (Shape){5, {d[0], a->kv_heads, group, d[2],
	                                   d[3]}});
	y = site_reshape(s, y, (Shape){5, {e[0], e[1], 1, e[2], e[3]}});
	Value *z = binary(s, "MatMul", x, y);
	return z ? site_reshape(s, z, (Shape){4, {a->batch, a->heads, d[2],
	                                          e[3]}}) : NULL;
}

/* ---- which keys a query may see ---- */

static bool allow(Attention *a, Value *mask)
{
	a->allowed = a->allowed ? binary(a->s, "And", a->allowed, mask) : mask;
	return a->allowed != NULL;
}

static Value *counted(Attention *a, int64_t n, Shape shape)
{
	int64_t *x = site_constant(a->s, DT_I64, shape);
	for (int64_t i = 0; x && i < n; i++)
		x[i] = i;
	return x ? graph_const(a->g, NULL, DT_I64, shape, x) : NULL;
}

/* How many keys are real, for each example: nonpad_kv_seqlen as [batch, 1, 1, 1]. */
static Value *real_keys(Attention *a)
{
	Value *n = site_cast(a->s, a->s->in[6], DT_I64);
	return n ? site_reshape(a->s, n, (Shape){4, {a->batch, 1, 1, 1}}) : NULL;
}

/* Query i stands at offset + i among the keys: behind the past; or at the end of
 * the real keys; and sees the keys from `left` before it to `right` behind it,
 * where these are not negative. */
static bool allow_window(Attention *a, int64_t left, int64_t right)
{
	Site *s = a->s;
	Value *key = counted(a, a->kv_length, (Shape){4, {1, 1, 1, a->kv_length}});
	Value *at = counted(a, a->length, (Shape){4, {1, 1, a->length, 1}});
	int64_t past = site_in(s, 4) ? s->in[4]->shape.dim[2] : 0;
	if (site_in(s, 6) && !site_in(s, 4)) {
		Value *real = real_keys(a);
		at = real ? binary(s, "Add", at, by_scalar(s, "Sub", real,
		                           (double)a->length)) : NULL;
	} else
		at = by_scalar(s, "Add", at, (double)past);
	if (!at)
		return false;
	if (right >= 0 && !allow(a, binary(s, "LessOrEqual", key,
	                                   by_scalar(s, "Add", at,
	                                             (double)right))))
		return false;
	return left < 0 || allow(a, binary(s, "GreaterOrEqual", key,
	                                   by_scalar(s, "Sub", at,
	                                             (double)left)));
}

static bool allow_real(Attention *a)
{
	Value *key = counted(a, a->kv_length, (Shape){4, {1, 1, 1, a->kv_length}});
	Value *real = real_keys(a);
	return real && allow(a, binary(a->s, "Less", key, real));
}

/* A mask of fewer keys forbids the others. */
static bool read_mask(Attention *a)
{
	Site *s = a->s;
	Value *m = s->in[3];
	int rank = m->shape.rank;
	bool yes = m->dtype == DT_BOOL;
	int64_t missing = rank ? a->kv_length - m->shape.dim[rank - 1] : 0;
	int64_t pads[2 * MAX_RANK] = {0};
	if (missing > 0 && m->shape.dim[rank - 1] > 1) {
		const OpDef *op = site_op(s, "Pad");
		if (!op)
			return false;
		Node *n = node_new(a->g, s->loc, op, 1, &m);
		pads[2 * rank - 1] = missing;
		node_set_ints(a->g, n, "pads", 2 * rank, pads);
		node_set_float(a->g, n, "value", yes ? 0 : -INFINITY);
		m = site_done(s, n);
	}
	if (!yes)
		a->bias = m;
	return m && (!yes || allow(a, m));
}

static bool read_allowed(Attention *a)
{
	Site *s = a->s;
	int64_t left = site_int(s, "left_window_size", -1);
	int64_t right = site_int(s, "right_window_size", -1);
	if (site_int(s, "is_causal", 0))
		right = 0;
	if ((left >= 0 || right >= 0) && !allow_window(a, left, right))
		return false;
	if (site_in(s, 6) && !allow_real(a))
		return false;
	return !site_in(s, 3) || read_mask(a);
}

/* ---- scores, probabilities ---- */

static Value *scores(Attention *a)
{
	Site *s = a->s;
	double size = (double)a->q->shape.dim[3];
	double scale = site_float(s, "scale", 0);
	Value *q = by_scalar(s, "Mul", a->q, scale != 0 ? scale
	                                                : 1 / sqrt(size));
	Value *k = site_transpose(s, a->k, (int[]){0, 1, 3, 2});
	return q && k ? grouped_product(a, q, k) : NULL;
}

static Value *capped(Site *s, Value *x)
{
	double cap = site_float(s, "softcap", 0);
	if (!(cap > 0))
		return x;
	x = by_scalar(s, "Div", x, cap);
	x = x ? site_apply(s, "Tanh", 1, &x) : NULL;
	return x ? by_scalar(s, "Mul", x, cap) : NULL;
}

static Value *masked(Attention *a, Value *x)
{
	Site *s = a->s;
	if (a->bias)
		x = binary(s, "Add", x, a->bias);
	if (!x || !a->allowed)
		return x;
	return site_apply(s, "Where", 3, (Value *[]){
		a->allowed, x, graph_scalar(a->g, x->dtype, -INFINITY)});
}

/* A query that may see nothing has probabilities of 0. */
static Value *probabilities(Attention *a, Value *x)
{
	Site *s = a->s;
	int64_t precision = site_int(s, "softmax_precision", 0);
	DType own = x->dtype, t = own;
	const OpDef *op = site_op(s, "Softmax");
	if (precision && !dtype_from_onnx((int32_t)precision, &t)) {
		site_error(s, "softmax_precision is the ONNX type %lld, expected "
		           "one of floating-point numbers", (long long)precision);
		return NULL;
	}
	x = op ? site_cast(s, x, t) : NULL;
	if (!x)
		return NULL;
	Node *n = node_new(a->g, s->loc, op, 1, &x);
	node_set_int(a->g, n, "axis", 3);
	node_set_int(a->g, n, "empty", 1);
	x = site_done(s, n);
	return x ? site_cast(s, x, own) : NULL;
}

/* The fourth output is one of the stages: the scores, capped, masked, or the
 * probabilities. */
static bool give_stage(Site *s, Value *const stage[4])
{
	int64_t mode = site_int(s, "qk_matmul_output_mode", 0);
	if (mode < 0 || mode > 3) {
		site_error(s, "qk_matmul_output_mode is %lld, expected 0 to 3",
		           (long long)mode);
		return false;
	}
	if (s->nout > 3)
		s->out[3] = stage[mode];
	return true;
}

bool convert_attention(Site *s)
{
	Attention a = {.s = s, .g = s->im->g};
	if (!read_inputs(&a) || !read_allowed(&a))
		return false;
	Value *stage[4] = {scores(&a)};
	stage[1] = stage[0] ? capped(s, stage[0]) : NULL;
	stage[2] = stage[1] ? masked(&a, stage[1]) : NULL;
	stage[3] = stage[2] ? probabilities(&a, stage[2]) : NULL;
	Value *y = stage[3] ? grouped_product(&a, stage[3], a.v) : NULL;
	if (!y || !give_stage(s, stage))
		return false;
	s->out[0] = a.flat ? merge_heads(s, y) : y;
	if (s->nout > 1)
		s->out[1] = a.k;
	if (s->nout > 2)
		s->out[2] = a.v;
	return s->out[0] != NULL;
}

/* ---- RotaryEmbedding ---- */

/* Cosines or sines for every place, as [batch or 1, 1, length, half]. */
static Value *cache(Site *s, int i, int64_t half)
{
	Value *c = site_in(s, i);
	if (c && site_in(s, 3))
		c = site_apply(s, "Gather", 2, (Value *[]){c, s->in[3]});
	if (!c || c->shape.rank != 3 || c->shape.dim[2] != half) {
		site_error(s, "input %d gives %s, expected [batch, length, %lld]",
		           i, c ? shape_text(s->im->u->arena, c->shape)
		                : "nothing", (long long)half);
		return NULL;
	}
	const int64_t *d = c->shape.dim;
	return site_reshape(s, c, (Shape){4, {d[0], 1, d[1], d[2]}});
}

/* The pairs (a, b) are turned: (cos a - sin b, sin a + cos b). */
static Value *rotated(Site *s, Value *x, int64_t size)
{
	bool mixed = site_int(s, "interleaved", 0) != 0;
	int64_t half = size / 2;
	Value *a = mixed ? site_slice(s, x, 3, 0, size, 2)
	                 : site_slice(s, x, 3, 0, half, 1);
	Value *b = mixed ? site_slice(s, x, 3, 1, size, 2)
	                 : site_slice(s, x, 3, half, size, 1);
	Value *c = cache(s, 1, half), *d = c ? cache(s, 2, half) : NULL;
	if (!a || !b || !d)
		return NULL;
	Value *real = binary(s, "Sub", binary(s, "Mul", c, a),
	                     binary(s, "Mul", d, b));
	Value *imag = binary(s, "Add", binary(s, "Mul", d, a),
	                     binary(s, "Mul", c, b));
	if (!mixed || !real || !imag)
		return joined(s, 3, real, imag);
	Shape one = real->shape, both = real->shape;
	one.dim[one.rank++] = 1;
	both.dim[3] = size;
	Value *y = joined(s, 4, site_reshape(s, real, one),
	                  site_reshape(s, imag, one));
	return y ? site_reshape(s, y, both) : NULL;
}

bool convert_rotary(Site *s)
{
	Value *x;
	if (!read_heads(s, 0, "num_heads", &x))
		return false;
	int64_t whole = x->shape.dim[3];
	int64_t size = site_int(s, "rotary_embedding_dim", 0);
	size = size ? size : whole;
	if (size < 0 || size > whole || size % 2) {
		site_error(s, "rotary_embedding_dim is %lld, a head has %lld "
		           "elements", (long long)size, (long long)whole);
		return false;
	}
	Value *part = size < whole ? site_slice(s, x, 3, 0, size, 1) : x;
	Value *y = part ? rotated(s, part, size) : NULL;
	if (y && size < whole)
		y = joined(s, 3, y, site_slice(s, x, 3, size, whole, 1));
	if (!y)
		return false;
	s->out[0] = s->in[0]->shape.rank == 3 ? merge_heads(s, y) : y;
	return s->out[0] != NULL;
}

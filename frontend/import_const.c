/*
 * Operators that never reach the graph: all shapes are known, so what they give
 * is known too.
 */
#include "frontend/import_rules.h"

#include <math.h>
#include <string.h>

static bool give(Site *s, DType t, Shape shape, const void *data)
{
	s->out[0] = graph_const(s->im->g, NULL, t, shape, data);
	return true;
}

static bool give_ints(Site *s, int n, const int64_t *x)
{
	s->out[0] = site_ints_value(s, n, x, 1);
	return true;
}

/* ---- Constant ---- */

static bool constant_floats(Site *s, int n, const double *x, int rank)
{
	Shape shape = {.rank = rank, .dim = {n}};
	float *data = site_constant(s, DT_F32, shape);
	for (int i = 0; data && i < n; i++)
		data[i] = (float)x[i];
	return data && give(s, DT_F32, shape, data);
}

bool convert_constant(Site *s)
{
	const OnnxAttr *a = s->n->nattr ? &s->n->attr[0] : NULL;
	switch (s->n->nattr == 1 ? a->kind : OA_NONE) {
	case OA_TENSOR:
		return a->t.data && give(s, a->t.dtype, a->t.shape, a->t.data);
	case OA_FLOAT:
		return constant_floats(s, 1, &a->f, 0);
	case OA_FLOATS:
		return constant_floats(s, a->n, a->floats, 1);
	case OA_INT:
		s->out[0] = site_ints_value(s, 1, &a->i, 0);
		return true;
	case OA_INTS:
		return give_ints(s, a->n, a->ints);
	default:
		site_error(s, "has no value that is a number or a tensor");
		return false;
	}
}

bool convert_constant_of_shape(Site *s)
{
	const OnnxAttr *a = site_attr(s, "value");
	DType t = DT_F32;
	Scalar x = {0};
	Shape shape;
	if (!site_shape(s, 0, &shape))
		return false;
	if (a && (!a->t.data || numel(a->t.shape) != 1)) {
		if (a->t.data)
			site_error(s, "attribute 'value' has not one element");
		return false;
	}
	if (a) {
		t = a->t.dtype;
		x = dtype_get(t, a->t.data, 0);
	}
	void *data = site_constant(s, t, shape);
	for (int64_t i = 0, n = data ? numel(shape) : 0; i < n; i++)
		dtype_put(t, data, i, x);
	return data && give(s, t, shape, data);
}

/* ---- Shape, Size ---- */

static int clamp_axis(int64_t x, int rank)
{
	x += x < 0 ? rank : 0;
	return (int)(x < 0 ? 0 : x > rank ? rank : x);
}

bool convert_shape(Site *s)
{
	const Value *v = site_in(s, 0);
	if (!v) {
		site_error(s, "has no input");
		return false;
	}
	int first = clamp_axis(site_int(s, "start", 0), v->shape.rank);
	int end = clamp_axis(site_int(s, "end", v->shape.rank), v->shape.rank);
	return give_ints(s, end > first ? end - first : 0, v->shape.dim + first);
}

bool convert_size(Site *s)
{
	const Value *v = site_in(s, 0);
	if (!v) {
		site_error(s, "has no input");
		return false;
	}
	int64_t n = numel(v->shape);
	s->out[0] = site_ints_value(s, 1, &n, 0);
	return true;
}

/* ---- Range ---- */

bool convert_range(Site *s)
{
	double at[3];
	for (int i = 0; i < 3; i++) {
		at[i] = NAN;
		if (!site_const_float(s, i, "start, limit or delta", &at[i]))
			return false;
	}
	double count = ceil((at[1] - at[0]) / at[2]);
	if (!(count <= INT32_MAX) || !isfinite(at[2])) {
		site_error(s, "cannot count from %g to %g by %g", at[0], at[1],
		           at[2]);
		return false;
	}
	DType t = s->in[0]->dtype;
	Shape shape = {.rank = 1, .dim = {count > 0 ? (int64_t)count : 0}};
	void *data = site_constant(s, t, shape);
	for (int64_t i = 0; data && i < shape.dim[0]; i++) {
		double x = at[0] + (double)i * at[2];
		dtype_put(t, data, i, dtype_is_float(t)
		                      ? (Scalar){.f = x}
		                      : (Scalar){.i = int64_of(x)});
	}
	return data && give(s, t, shape, data);
}

/* ---- NonZero ---- */

static bool is_nonzero(const Value *v, int64_t i)
{
	Scalar x = dtype_get(v->dtype, v->data, i);
	return dtype_is_float(v->dtype) ? x.f < 0 || x.f > 0 : x.i != 0;
}

bool convert_nonzero(Site *s)
{
	const Value *v = site_in(s, 0);
	if (!v || v->kind != V_CONST) {
		site_error(s, "the number of non-zero elements is not constant, so "
		           "its result has no fixed shape; a Where or a Mul of "
		           "all elements has");
		return false;
	}
	int64_t n = numel(v->shape), count = 0, stride[MAX_RANK];
	for (int64_t i = 0; i < n; i++)
		count += is_nonzero(v, i);
	Shape shape = {.rank = 2, .dim = {v->shape.rank, count}};
	int64_t *data = site_constant(s, DT_I64, shape);
	if (!data)
		return false;
	shape_strides(v->shape, stride);
	for (int64_t i = 0, k = 0; i < n; i++) {
		if (!is_nonzero(v, i))
			continue;
		for (int a = 0; a < v->shape.rank; a++)
			data[a * count + k] = i / stride[a] % v->shape.dim[a];
		k++;
	}
	return give(s, DT_I64, shape, data);
}

/* ---- Cast ---- */

static bool cast_to(Site *s, DType t)
{
	s->out[0] = site_cast(s, s->in[0], t);
	return s->out[0] != NULL;
}

bool convert_cast(Site *s)
{
	int64_t to = site_int(s, "to", 0);
	DType t;
	if (!site_in(s, 0) || to < 0 || to > INT32_MAX ||
	    !dtype_from_onnx((int32_t)to, &t)) {
		site_error(s, "cannot cast to the ONNX type %lld, expected one of "
		           "numbers or booleans", (long long)to);
		return false;
	}
	return cast_to(s, t);
}

bool convert_cast_like(Site *s)
{
	if (!site_in(s, 0) || !site_in(s, 1)) {
		site_error(s, "has %d inputs, expected 2", s->nin);
		return false;
	}
	return cast_to(s, s->in[1]->dtype);
}

/* ---- EyeLike ---- */

/* Ones on the diagonal k, which the shape of the input bounds. */
bool convert_eye_like(Site *s)
{
	const Value *x = site_in(s, 0);
	int64_t to = site_int(s, "dtype", -1), k = site_int(s, "k", 0);
	if (!x || x->shape.rank != 2) {
		site_error(s, "its input has not two dimensions");
		return false;
	}
	DType t = x->dtype;
	if (to >= 0 && (to > INT32_MAX || !dtype_from_onnx((int32_t)to, &t))) {
		site_error(s, "cannot make the ONNX type %lld, expected one of "
		           "numbers or booleans", (long long)to);
		return false;
	}
	bool real = dtype_is_float(t);
	int64_t rows = x->shape.dim[0], columns = x->shape.dim[1];
	void *data = site_constant(s, t, x->shape);
	for (int64_t i = 0, n = data ? numel(x->shape) : 0; i < n; i++)
		dtype_put(t, data, i, real ? (Scalar){.f = 0} : (Scalar){.i = 0});
	for (int64_t i = 0; data && i < rows; i++)
		if (k > -rows && k < columns && i + k >= 0 && i + k < columns)
			dtype_put(t, data, i * columns + i + k,
			          real ? (Scalar){.f = 1} : (Scalar){.i = 1});
	return data && give(s, t, x->shape, data);
}

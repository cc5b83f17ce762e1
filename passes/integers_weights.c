/* Weights of integer operators: their rows, scales, zero points and biases. */
#include "passes/integers.h"

#include "ir/op.h"
#include "ir/quantize.h"

#include <math.h>
#include <string.h>

static const void *contents(const Value *v)
{
	return v->kind == V_CONST ? v->data
	     : v->kind == V_VARIABLE ? v->var->data : NULL;
}

bool is_fixed(const Value *v)
{
	return contents(v) && (v->kind == V_CONST || !v->var->mutable);
}

static bool is_byte(DType t)
{
	return t == DT_I8 || t == DT_U8;
}

/* ---- one for each row ---- */

/* Is the parameter of v one number, or one for each place along the axis? */
static bool along(const Value *p, const Value *v, int axis, int *n)
{
	int at = axis - (v->shape.rank - p->shape.rank);
	*n = (int)numel(p->shape);
	return *n == 1 || (at >= 0 && p->shape.dim[at] == *n &&
	                   *n == v->shape.dim[axis]);
}

static bool read_scales(Graph *g, const Value *v, const Value *scale, int axis,
                        Rows *r)
{
	if (!is_fixed(scale) || scale->dtype != DT_F32 ||
	    !along(scale, v, axis, &r->nscales))
		return false;
	r->scale = arena_array(g->unit->arena, float, r->nscales);
	memcpy(r->scale, contents(scale), sizeof(float) * (size_t)r->nscales);
	return true;
}

static int64_t integer_at(const Value *v, int64_t i)
{
	return dtype_get(v->dtype, contents(v), i).i;
}

/* What is taken off so that it is i8. */
static int64_t bias_of_type(DType t)
{
	return t == DT_U8 ? 128 : 0;
}

static bool read_zeros(Graph *g, const Value *v, const Value *zero, int axis,
                       Rows *r)
{
	bool all = true;
	if (!is_fixed(zero) || !is_byte(zero->dtype) ||
	    !along(zero, v, axis, &r->nzeros))
		return false;
	r->zero = arena_array(g->unit->arena, int8_t, r->nzeros);
	for (int i = 0; i < r->nzeros; i++) {
		r->zero[i] = (int8_t)(integer_at(zero, i) -
		                      bias_of_type(zero->dtype));
		all &= !r->zero[i];
	}
	if (all)
		r->nzeros = 1;
	return true;
}

/* ---- rows ---- */

/* q(x), as QuantizeLinear computes it, but 128 less of u8. */
static int8_t quantized(float x, float scale, int zero)
{
	float place = rintf(x / scale) + (float)zero;
	return (int8_t)fminf(fmaxf(place, -128), 127);
}

/* Element i of v, which is of that row. */
static int8_t weight_at(const Rows *r, const Value *v, int64_t row, int64_t i)
{
	if (is_byte(v->dtype))
		return (int8_t)(integer_at(v, i) - bias_of_type(v->dtype));
	return quantized(((const float *)contents(v))[i],
	                 r->scale[r->nscales > 1 ? row : 0],
	                 r->zero[r->nzeros > 1 ? row : 0]);
}

bool rows_of(Graph *g, const Value *v, const Value *scale, const Value *zero,
             int axis, Rows *r)
{
	if (!is_fixed(v) || v->shape.rank < 2 || !numel(v->shape) ||
	    !(is_byte(v->dtype) ? zero->dtype == v->dtype
	                        : v->dtype == DT_F32) ||
	    !read_scales(g, v, scale, axis, r) ||
	    !read_zeros(g, v, zero, axis, r))
		return false;
	r->rows = v->shape.dim[axis];
	r->steps = numel(v->shape) / r->rows;
	r->w = arena_array(g->unit->arena, int8_t, numel(v->shape));
	for (int64_t o = 0; o < r->rows; o++)
		for (int64_t k = 0; k < r->steps; k++)
			r->w[o * r->steps + k] =
				weight_at(r, v, o, axis ? k * r->rows + o
				                        : o * r->steps + k);
	return true;
}

bool rows_bias(Graph *g, const Rows *r, const Value *b, float scale,
               int32_t *bias)
{
	for (int64_t o = 0; o < r->rows; o++)
		bias[o] = 0;
	if (!b)
		return true;
	if (!is_fixed(b) || numel(b->shape) != r->rows ||
	    (b->dtype != DT_F32 && b->dtype != DT_I32))
		return false;
	for (int64_t o = 0; o < r->rows; o++) {
		Scalar x = dtype_get(b->dtype, contents(b), o);
		double n = b->dtype == DT_I32 ? (double)x.i
			: rint(x.f / (scale * r->scale[r->nscales > 1 ? o : 0]));
		if (!(fabs(n) < 0x1p30))
			return false;
		bias[o] = (int32_t)n;
	}
	return true;
}

/* ---- operands ---- */

static Value *one_each(Graph *g, DType t, const void *data, int n, int rank)
{
	Shape s = {.rank = n > 1 ? rank - 1 : 0};
	for (int i = 0; i < s.rank; i++)
		s.dim[i] = i ? 1 : n;
	return graph_const(g, NULL, t, s, data);
}

/* Has the window no padding? */
static bool is_bare(const Node *n)
{
	const Attr *pads = &n->attr[op_attr(n->op, "pads")];
	for (int i = 0; i < pads->n; i++)
		if (pads->ints[i])
			return false;
	return true;
}

/*
 * Without padding, the zero point of x takes the same off all sums of a row: that
 * goes into the bias, so that x may have the zero point with which its integers
 * are those that kernels of i8 multiply.
 */
static void centre(Graph *g, Scaled *x, const Rows *r, int32_t *bias)
{
	int64_t middle = bias_of_type(x->x->dtype);
	int64_t by = integer_at(x->zero, 0) - middle;
	for (int64_t o = 0; o < r->rows; o++) {
		int64_t sum = 0;
		for (int64_t k = 0; k < r->steps; k++)
			sum += r->w[o * r->steps + k] -
			       r->zero[r->nzeros > 1 ? o : 0];
		bias[o] = (int32_t)(bias[o] - by * sum);
	}
	x->zero = graph_scalar(g, x->x->dtype, (double)middle);
}

static Node *conv_node(Graph *g, const Node *n, const Scaled *x,
                       const Scaled *y, const Rows *r, Shape shape,
                       const int32_t *bias)
{
	int rank = shape.rank;
	return NEW(g, n->loc, op_QLinearConv, x->x, x->scale, x->zero,
	           graph_const(g, NULL, DT_I8, shape, r->w),
	           one_each(g, DT_F32, r->scale, r->nscales, rank),
	           one_each(g, DT_I8, r->zero, r->nzeros, rank), y->scale,
	           y->zero, graph_const(g, NULL, DT_I32,
	                                (Shape){1, {r->rows}}, bias));
}

Node *rows_conv(Graph *g, const Node *n, const Scaled *x, const Scaled *y,
                const Rows *r, Shape shape, int32_t *bias)
{
	Scaled from = *x;
	if (is_bare(n) && is_fixed(x->zero))
		centre(g, &from, r, bias);
	Node *e = conv_node(g, n, &from, y, r, shape, bias);
	node_copy_attrs(g, e, n);
	return e;
}

static Value *reshaped(Graph *g, Loc loc, Value *v, Shape s)
{
	Node *n = NEW(g, loc, op_Reshape, v);
	node_set_ints(g, n, "shape", s.rank, s.dim);
	return node_done(g, n);
}

Value *rows_product(Graph *g, const Node *n, const Scaled *x, const Scaled *y,
                    const Rows *r, int32_t *bias)
{
	static const int64_t one[] = {1, 1}, none[] = {0, 0, 0, 0};
	Scaled from = *x;
	Shape to = x->x->shape;
	to.dim[to.rank - 1] = r->rows;
	from.x = reshaped(g, n->loc, x->x, (Shape){4, {
		numel(x->x->shape) / r->steps, r->steps, 1, 1}});
	if (is_fixed(x->zero))
		centre(g, &from, r, bias);
	Node *e = conv_node(g, n, &from, y, r,
	                    (Shape){4, {r->rows, r->steps, 1, 1}}, bias);
	node_set_ints(g, e, "kernel_shape", 2, one);
	node_set_ints(g, e, "strides", 2, one);
	node_set_ints(g, e, "dilations", 2, one);
	node_set_ints(g, e, "pads", 4, none);
	return reshaped(g, n->loc, node_done(g, e), to);
}

#include "passes/project_form.h"
#include "passes/project_recurrence.h"

#include "ir/build.h"
#include "ir/conv.h"
#include "ir/gather.h"
#include "ir/op.h"
#include "ir/slice.h"

/* ---- the matrix that it is ---- */

/* By a number, as where the norm is clipped; NULL: it is no such node. */
static Value *scale_of(const Node *n)
{
	return n->op == &op_Mul && !n->in[1]->shape.rank ? n->in[1] : NULL;
}

static bool is_sum(const Node *n)
{
	return n->op == &op_Add || n->op == &op_Sum;
}

/* The number of the first of its rows that the input has, as where a layer reads
 * one direction's part of a weight; -1: n places no rows. */
static int64_t first_row(const Node *n)
{
	Slice s;
	const Value *whole = n->out[0];
	int64_t columns = n->op == &op_SliceGrad
	                  ? gradient_columns(n->in[0]) : 0;
	if (!columns || numel(whole->shape) % columns)
		return -1;
	slice_of(NULL, n, whole->shape, &s);
	for (int i = 1; i < s.shape.rank; i++)
		if (s.shape.dim[i] != whole->shape.dim[i])
			return -1;
	int64_t at = s.at[0] * (numel(whole->shape) / whole->shape.dim[0]);
	return s.step[0] == 1 && at % columns == 0 ? at / columns : -1;
}

/* ONNX has the weights of a recurrence as [directions, rows, columns]: what they
 * are read as decides. */
int64_t gradient_rows(const Value *grad)
{
	const Node *n = grad->def;
	if (n && (n->op == &op_Reshape || scale_of(n) || is_sum(n)))
		return gradient_rows(n->in[0]);
	if (n && first_row(n) >= 0)
		return numel(grad->shape) / gradient_columns(n->in[0]);
	return grad->shape.rank ? grad->shape.dim[0] : 1;
}

int64_t gradient_columns(const Value *grad)
{
	int64_t rows = gradient_rows(grad);
	return rows ? numel(grad->shape) / rows : 0;
}

static Shape matrix(int64_t rows, int64_t columns)
{
	return (Shape){2, {rows, columns}};
}

static const Attr *attr_of(const Node *n, const char *name)
{
	return &n->attr[op_attr(n->op, name)];
}

/* ---- Gemm, MatMul: G = alpha op(a) op(b) ---- */

static const char *refuse_product(const Node *n)
{
	if (n->in[0]->shape.rank != 2 || n->in[1]->shape.rank != 2)
		return "its gradient is a batch of products";
	return n->nin > 2 && n->in[2] ? "its gradient is a product and a sum"
	                              : NULL;
}

/* What is thin has a row for each sample, whose part of the sum it is. */
static Value *project_gemm(Graph *g, Node *n, Value *basis, Side side)
{
	Value *a = n->in[0], *b = n->in[1];
	bool ta = attr_of(n, "transA")->i, tb = attr_of(n, "transB")->i;
	double alpha = n->op == &op_Gemm ? attr_of(n, "alpha")->f : 1;
	if (side == SIDE_ROWS) {
		Value *thin = project_product(g, n->loc, a, !ta, basis, true, 1);
		return project_product(g, n->loc, thin, true, b, tb, alpha);
	}
	Value *thin = project_product(g, n->loc, b, tb, basis, true, 1);
	return project_product(g, n->loc, thin, true, a, !ta, alpha);
}

/* ---- ConvGradWeight: the basis is a convolution's weight ---- */

static const char *refuse_conv(const Node *n)
{
	return attr_of(n, "group")->i != 1 ? "its convolution has groups" : NULL;
}

static void set_point(Graph *g, Node *n, int spatial)
{
	int64_t ones[MAX_SPATIAL];
	for (int i = 0; i < spatial; i++)
		ones[i] = 1;
	node_set_ints(g, n, "kernel_shape", spatial, ones);
}

static Value *grad_weight(Graph *g, Node *n, Shape w)
{
	node_set_ints(g, n, "shape", w.rank, w.dim);
	return node_done(g, n);
}

/* A 1 x 1 convolution's weight [r, channels, 1, ..]. */
static Shape point_weight(Shape s, int64_t r, int64_t channels)
{
	s.dim[0] = r;
	s.dim[1] = channels;
	for (int i = 2; i < s.rank; i++)
		s.dim[i] = 1;
	return s;
}

static Value *conv_rows(Graph *g, Node *n, Value *basis)
{
	Value *x = n->in[0], *dy = n->in[1];
	Shape w = n->out[0]->shape;
	int64_t r = basis->shape.dim[0];
	Value *weight = build_reshape(g, n->loc, basis,
	                              point_weight(w, r, w.dim[0]));
	Node *mix = NEW(g, n->loc, op_Conv, dy, weight);
	set_point(g, mix, w.rank - 2);
	Node *thin = NEW(g, n->loc, op_ConvGradWeight, x, node_done(g, mix));
	node_copy_attrs(g, thin, n);
	w.dim[0] = r;
	return build_reshape(g, n->loc, grad_weight(g, thin, w),
	                     matrix(r, gradient_columns(n->out[0])));
}

static Value *conv_columns(Graph *g, Node *n, Value *basis)
{
	Value *x = n->in[0], *dy = n->in[1];
	Shape w = n->out[0]->shape;
	int64_t r = basis->shape.dim[0], rows = w.dim[0];
	w.dim[0] = r;
	Value *weight = build_reshape(g, n->loc, basis, w);
	Node *conv = NEW(g, n->loc, op_Conv, x, weight);
	node_copy_attrs(g, conv, n);
	Node *thin = NEW(g, n->loc, op_ConvGradWeight, dy, node_done(g, conv));
	set_point(g, thin, w.rank - 2);
	Value *y = grad_weight(g, thin, point_weight(w, r, rows));
	return build_reshape(g, n->loc, y, matrix(r, rows));
}

/* ---- GatherGrad: rows of a table ---- */

static const char *refuse_gather(const Node *n)
{
	const Value *table = n->out[0];
	return table->shape.rank != 2 || gather_axis(n, table->shape) != 0
	       ? "it is no table of rows" : NULL;
}

static Value *transpose(Graph *g, Loc loc, Value *x)
{
	Node *n = NEW(g, loc, op_Transpose, x);
	node_set_ints(g, n, "perm", 2, (int64_t[]){1, 0});
	return node_done(g, n);
}

static Value *project_gather(Graph *g, Node *n, Value *basis, Side side)
{
	Value *ids = n->in[1];
	int64_t r = basis->shape.dim[0], tokens = numel(ids->shape);
	int64_t rows = n->out[0]->shape.dim[0], width = n->out[0]->shape.dim[1];
	Value *dy = build_reshape(g, n->loc, n->in[0], matrix(tokens, width));
	ids = build_reshape(g, n->loc, ids, (Shape){1, {tokens}});
	if (side == SIDE_ROWS) {
		Value *taken = APPLY(g, n->loc, op_Gather,
		                     transpose(g, n->loc, basis), ids);
		return project_product(g, n->loc, taken, true, dy, false, 1);
	}
	Value *thin = project_product(g, n->loc, dy, false, basis, true, 1);
	Node *spread = NEW(g, n->loc, op_GatherGrad, thin, ids);
	Shape s = matrix(rows, r);
	node_set_ints(g, spread, "shape", 2, s.dim);
	return transpose(g, n->loc, node_done(g, spread));
}

/* ---- what they are added up by, or scaled ---- */

static Value *project_sum(Graph *g, Node *n, Value *basis, Side side)
{
	Value *sum = NULL;
	for (int i = 0; i < n->nin; i++) {
		Value *x = project(g, n->in[i], basis, side);
		sum = sum ? APPLY(g, n->loc, op_Add, sum, x) : x;
	}
	return sum;
}

/* Its rows are some of the whole's. */
static Value *project_rows(Graph *g, Node *n, Value *basis, Side side)
{
	int64_t first = first_row(n), count = gradient_rows(n->in[0]);
	bool columns = side == SIDE_COLUMNS;
	Value *x = columns ? project(g, n->in[0], basis, side) : basis;
	Node *part = node_new(g, n->loc, columns ? &op_SliceGrad : &op_Slice, 1,
	                      &x);
	Shape s = matrix(basis->shape.dim[0], gradient_rows(n->out[0]));
	node_set_ints(g, part, "axes", 1, (int64_t[]){1});
	node_set_ints(g, part, "starts", 1, &first);
	node_set_ints(g, part, "ends", 1, (int64_t[]){first + count});
	if (columns)
		node_set_ints(g, part, "shape", 2, s.dim);
	x = node_done(g, part);
	return columns ? x : project(g, n->in[0], x, side);
}

static const char *refuse_sum(const Node *n)
{
	for (int i = 0; i < n->nin; i++) {
		const Value *x = n->in[i];
		const char *why = project_refuses(x);
		if (!shape_equal(x->shape, n->out[0]->shape))
			why = "its gradient is a sum that broadcasts";
		else if (gradient_rows(x) != gradient_rows(n->in[0]))
			why = "its gradient is a sum of matrices that differ";
		if (why)
			return why;
	}
	return NULL;
}

const char *project_refuses(const Value *grad)
{
	const Node *n = grad->def;
	if (!n)
		return "its gradient is no product";
	if (n->op == &op_Gemm || n->op == &op_MatMul)
		return refuse_product(n);
	if (n->op == &op_ConvGradWeight)
		return refuse_conv(n);
	if (n->op == &op_GatherGrad)
		return refuse_gather(n);
	if (n->op == &op_RecurrenceGradWeight)
		return NULL;
	if (n->op == &op_Reshape || scale_of(n) || first_row(n) >= 0)
		return project_refuses(n->in[0]);
	return is_sum(n) ? refuse_sum(n) : "its gradient is no product";
}

Value *project(Graph *g, Value *grad, Value *basis, Side side)
{
	Node *n = grad->def;
	if (is_sum(n))
		return project_sum(g, n, basis, side);
	if (n->op == &op_Reshape)
		return project(g, n->in[0], basis, side);
	if (scale_of(n))
		return APPLY(g, n->loc, op_Mul,
		             project(g, n->in[0], basis, side), scale_of(n));
	if (n->op == &op_SliceGrad)
		return project_rows(g, n, basis, side);
	if (n->op == &op_GatherGrad)
		return project_gather(g, n, basis, side);
	if (n->op == &op_RecurrenceGradWeight)
		return project_recurrence(g, n, basis, side);
	if (n->op == &op_ConvGradWeight)
		return side == SIDE_ROWS ? conv_rows(g, n, basis)
		                         : conv_columns(g, n, basis);
	return project_gemm(g, n, basis, side);
}

Value *project_whole(Graph *g, Value *grad, Value *basis, Side side)
{
	Loc loc = grad->def->loc;
	Value *flat = build_reshape(g, loc, grad, matrix(
		gradient_rows(grad), gradient_columns(grad)));
	return project_product(g, loc, basis, false, flat,
	                       side == SIDE_COLUMNS, 1);
}

/* Of a product, a row or a column of an operand; else dy has all others. */
static int64_t samples_of(const Node *n)
{
	const Shape *dy = &n->in[n->op == &op_ConvGradWeight]->shape;
	if (n->op == &op_Gemm || n->op == &op_MatMul)
		return dy->dim[!attr_of(n, "transA")->i];
	int channels = n->op == &op_ConvGradWeight ? 1 : dy->rank - 1;
	return dy->dim[channels] ? numel(*dy) / dy->dim[channels] : 0;
}

int64_t project_samples(const Value *grad)
{
	const Node *n = grad->def;
	if (n->op == &op_Reshape || n->op == &op_SliceGrad || scale_of(n))
		return project_samples(n->in[0]);
	if (!is_sum(n))
		return samples_of(n);
	int64_t most = 0;
	for (int i = 0; i < n->nin; i++) {
		int64_t count = project_samples(n->in[i]);
		most = count > most ? count : most;
	}
	return most;
}

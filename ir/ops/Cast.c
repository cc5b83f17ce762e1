/*
 * Cast: x as another type. Float to integer truncates toward zero, integers
 * wrap, anything to bool is x != 0. Between float types dx is dy cast back;
 * else no gradient flows.
 */
#include "ir/op.h"

enum { TO };

static bool infer(Unit *u, Node *n)
{
	n->out[0]->shape = n->in[0]->shape;
	if (dtype_from_onnx((int32_t)attr_int(n, TO), &n->out[0]->dtype))
		return true;
	error_at(u, n->loc, "to is %lld, expected the number of a numeric type",
	         (long long)attr_int(n, TO));
	return false;
}

/* The arithmetic is in i32 or i64: a narrower integer keeps its low bits here,
 * so that it also wraps where a fused reader never sees it stored. */
static Expr *wrap(Kernel *k, DType to, Expr *x)
{
	int bits = 8 * dtype_size(to);
	if (bits == 64 || to == DT_I32)
		return x;
	Expr *low = k_and(k, x, k_num(k, (double)((INT64_C(1) << bits) - 1)));
	if (to != DT_I8 && to != DT_I16)
		return low;
	Expr *sign = k_num(k, (double)(INT64_C(1) << (bits - 1)));
	return k_sub(k, k_xor(k, low, sign), sign);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	DType to = n->out[0]->dtype;
	if (to == DT_BOOL)
		y[0] = k_ne(k, x[0], k_num(k, 0));
	else if (dtype_is_float(to))
		y[0] = k_cast(k, compute_type(to), x[0]);
	else
		y[0] = wrap(k, to, k_cast(k, compute_type(to), x[0]));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *back = NEW(g, n->loc, op_Cast, dy[0]);
	node_set_int(g, back, "to", dtype_to_onnx(n->in[0]->dtype));
	dx[0] = node_done(g, back);
}

const OpDef op_Cast = {
	.name = "Cast", .since = 6, .min_in = 1, .max_in = 1,
	ATTRS([TO] = {"to", ATTR_INT}),
	.infer = infer,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3)}}, .attr = {{"to", 11}}},
	         {.in = {{DIMS(2, 3), DT_F64}}, .attr = {{"to", 1}}},
	         {.in = {{DIMS(9), DT_I64, -3, 3}}, .attr = {{"to", 1}}},
	         {.in = {{DIMS(9), DT_I32, -500, 500}}, .attr = {{"to", 3}}},
	         {.in = {{DIMS(9), DT_I64, -500, 500}}, .attr = {{"to", 2}}},
	         {.in = {{DIMS(9), DT_I32, -9, 9}}, .attr = {{"to", 12}}},
	         {.in = {{DIMS(9), .lo = -5, .hi = 5}}, .attr = {{"to", 7}}},
	         {.in = {{DIMS(9)}}, .attr = {{"to", 9}}},
	         {.in = {{DIMS(9), DT_BOOL}}, .attr = {{"to", 1}}}),
};

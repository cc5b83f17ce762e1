/*
 * Pow: y = x^e; the exponent may be of another type. Small constant exponents
 * are products. dx = dy e x^(e-1), de = dy y ln x.
 */
#include "ir/op.h"

static Expr *general(Kernel *k, Expr *x, Expr *e)
{
	DType t = dtype_is_float(x->type) ? x->type : DT_F64;
	return k_cast(k, x->type, k_pow(k, k_cast(k, t, x), k_cast(k, t, e)));
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	const Value *e = n->in[1];
	if (value_is_scalar_const(e, 1))
		y[0] = x[0];
	else if (value_is_scalar_const(e, 2))
		y[0] = k_mul(k, x[0], x[0]);
	else if (value_is_scalar_const(e, 3))
		y[0] = k_mul(k, x[0], k_mul(k, x[0], x[0]));
	else
		y[0] = general(k, x[0], x[1]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	if (want[0])
		dx[0] = APPLY(g, n->loc, op_PowGrad, dy[0], n->in[0], n->in[1]);
	if (want[1])
		dx[1] = APPLY(g, n->loc, op_PowGradExponent, dy[0], n->in[0],
		              n->in[1], n->out[0]);
}

const OpDef op_Pow = {
	.name = "Pow", .since = 7, .min_in = 2, .max_in = 2,
	.infer = infer_broadcast,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 3), .lo = 0.5, .hi = 2}, {DIMS(3)}}},
	         {.in = {{DIMS(7)}, {{0}, DT_F32, 2, 2, true}}},
	         {.in = {{DIMS(7)}, {{0}, DT_F32, 3, 3, true}}},
	         {.in = {{DIMS(7)}, {{0}, DT_I64, 1, 1, true}}},
	         {.in = {{DIMS(7), .lo = 0.5, .hi = 2},
	                 {{0}, DT_F32, -0.5, -0.5, true}}},
	         {.in = {{DIMS(7), .lo = 0.5, .hi = 2},
	                 {DIMS(7), DT_I32, -3, 3}}},
	         {.in = {{DIMS(7), DT_I32, -5, 5}, {DIMS(7), DT_I32, 0, 4}}}),
};

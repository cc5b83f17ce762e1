/* PowGrad: dx = dy e x^(e-1), and 0 where e == 0; inputs dy, x, e. */
#include "ir/op.h"

static Expr *slope(Kernel *k, Expr *x, Expr *e)
{
	Expr *less = k_sub(k, e, k_num(k, 1));
	return k_sel(k, k_eq(k, e, k_num(k, 0)), k_typed(k, x->type, 0),
	             k_mul(k, e, k_pow(k, x, less)));
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	const Value *e = n->in[2];
	if (value_is_scalar_const(e, 1))
		y[0] = x[0];
	else if (value_is_scalar_const(e, 2))
		y[0] = k_mul(k, x[0], k_mul(k, k_num(k, 2), x[1]));
	else if (value_is_scalar_const(e, 3))
		y[0] = k_mul(k, k_mul(k, x[0], k_num(k, 3)),
		             k_mul(k, x[1], x[1]));
	else
		y[0] = k_mul(k, x[0], slope(k, x[1],
		                            k_cast(k, x[1]->type, x[2])));
}

const OpDef op_PowGrad = {
	.name = "PowGrad", .min_in = 3, .max_in = 3,
	.infer = infer_broadcast,
	.scalar = scalar,
	EXAMPLES({.in = {{DIMS(8)}, {DIMS(8), .lo = 0.5, .hi = 2},
	                 {DIMS(8), DT_I32, -3, 3}}},
	         {.in = {{DIMS(8)}, {DIMS(8)}, {{0}, DT_F32, 2, 2, true}}}),
};

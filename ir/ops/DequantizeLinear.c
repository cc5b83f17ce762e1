/* DequantizeLinear: y = (x - zero) scale, for integers x; scale and zero (optional:
 * 0) stretch to x's shape. The scale is not trained. */
#include "ir/op.h"

static bool infer(Unit *u, Node *n)
{
	const Value *zero = n->nin > 2 ? n->in[2] : NULL;
	if (dtype_is_float(n->in[0]->dtype) ||
	    !dtype_is_float(n->in[1]->dtype) ||
	    (zero && zero->dtype != n->in[0]->dtype)) {
		error_at(u, n->loc, "input 0 is %s, its scale %s, its zero point "
		         "%s; expected an integer, a floating-point type, and "
		         "the integer again",
		         dtype_name(n->in[0]->dtype),
		         dtype_name(n->in[1]->dtype),
		         zero ? dtype_name(zero->dtype) : "missing");
		return false;
	}
	if (!infer_broadcast(u, n))
		return false;
	n->out[0]->dtype = n->in[1]->dtype;
	return true;
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *place = n->nin > 2 && x[2] ? k_sub(k, x[0], x[2]) : x[0];
	y[0] = k_mul(k, k_cast(k, x[1]->type, place), x[1]);
}

const OpDef op_DequantizeLinear = {
	.name = "DequantizeLinear", .since = 10, .min_in = 2, .max_in = 3,
	.infer = infer,
	.scalar = scalar,
	.stops = true,
	EXAMPLES({.in = {{DIMS(4, 5), DT_U8, 0, 255},
	                 {{0}, DT_F32, 0.01, 0.02, true}}},
	         {.nin = 3, .in = {{DIMS(2, 3, 4), DT_I8, -128, 127},
	                           {DIMS(3, 1), DT_F32, 0.01, 0.1, true},
	                           {DIMS(3, 1), DT_I8, -9, 9}}},
	         {.in = {{DIMS(5), DT_I32, -999, 999},
	                 {DIMS(5), DT_F32, 0.01, 0.1, true}}}),
};

#include "ir/quantize.h"

static bool is_signed(DType t)
{
	return t == DT_I8 || t == DT_I16;
}

double quantize_least(DType t)
{
	return is_signed(t) ? -(double)(1 << (8 * dtype_size(t) - 1)) : 0;
}

double quantize_greatest(DType t)
{
	return (double)((1 << (8 * dtype_size(t) - is_signed(t))) - 1);
}

bool quantize_type(Unit *u, const Node *n, int x, DType *t)
{
	const Value *zero = x + 2 < n->nin ? n->in[x + 2] : NULL;
	bool ok = dtype_from_onnx((int32_t)attr_int(n, QUANTIZE_TO), t) &&
	          (*t == DT_U8 || *t == DT_I8 || *t == DT_U16 || *t == DT_I16);
	if (ok && dtype_is_float(n->in[x]->dtype) &&
	    n->in[x + 1]->dtype == n->in[x]->dtype &&
	    (!zero || zero->dtype == *t))
		return true;
	error_at(u, n->loc, "input %d is %s, its scale %s, its zero point %s; "
	         "expected two of one floating-point type and u8, i8, u16 or i16",
	         x, dtype_name(n->in[x]->dtype), dtype_name(n->in[x + 1]->dtype),
	         zero ? dtype_name(zero->dtype) : "missing");
	return false;
}

Expr *quantize_place(Kernel *k, Expr *x, Expr *scale, Expr *zero)
{
	Expr *place = k_rint(k, k_div(k, x, scale));
	return zero ? k_add(k, place, k_cast(k, x->type, zero)) : place;
}

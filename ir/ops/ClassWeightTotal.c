/*
 * ClassWeightTotal of labels and class weights (optional, else 1): what "mean"
 * divides a loss over classes by, the sum of the labels' weights, or 1 if that
 * is 0; as a number of `dtype`. Labels that are ignored count for nothing.
 */
#include "ir/op.h"

#include "ir/classes.h"

enum { CLASSES, IGNORE, DTYPE };

static bool infer(Unit *u, Node *n)
{
	const Value *labels = n->in[0], *w = n->nin > 1 ? n->in[1] : NULL;
	Value *y = n->out[0];
	y->shape = (Shape){0};
	if (!dtype_from_onnx((int32_t)attr_int(n, DTYPE), &y->dtype) ||
	    !dtype_is_float(y->dtype) || dtype_is_float(labels->dtype)) {
		error_at(u, n->loc, "labels are %s, dtype is %lld; expected "
		         "integers and the number of a floating-point type",
		         dtype_name(labels->dtype),
		         (long long)attr_int(n, DTYPE));
		return false;
	}
	if (!w || (w->dtype == y->dtype && w->shape.rank == 1 &&
	           w->shape.dim[0] == attr_int(n, CLASSES)))
		return true;
	error_at(u, n->loc, "class weights are %s%s, expected %s[%lld]",
	         dtype_name(w->dtype), shape_text(u->arena, w->shape),
	         dtype_name(y->dtype), (long long)attr_int(n, CLASSES));
	return false;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *labels = n->in[0];
	DType type = compute_type(n->out[0]->dtype);
	int sum = k_var(k, k_typed(k, type, 0));
	int i = k_for(k, numel(labels->shape));
	int label = k_var(k, k_load_flat(k, labels, k_at(i)));
	Expr *counts = class_counts(k, label, attr_int(n, CLASSES),
	                            &n->attr[IGNORE]);
	Expr *w = class_weight(k, label, counts, n->nin > 1 ? n->in[1] : NULL,
	                       type);
	k_set(k, sum, k_add(k, k_get(k, sum), w));
	k_end(k);
	k_store_at(k, n->out[0], NULL, class_divisor(k, sum));
}

const OpDef op_ClassWeightTotal = {
	.name = "ClassWeightTotal", .min_in = 1, .max_in = 2,
	ATTRS([CLASSES] = {"classes", ATTR_INT},
	      [IGNORE] = {"ignore_index", ATTR_INT},
	      [DTYPE] = {"dtype", ATTR_INT, true, .i = 1}),
	.infer = infer,
	.lower = lower,
	EXAMPLES({.in = {{DIMS(9), DT_I32, -1, 5}}, .attr = {{"classes", 5}}},
	         {.nin = 2, .in = {{DIMS(2, 5), DT_I64, 0, 2},
	                           {DIMS(3), .lo = 0.5, .hi = 2}},
	          .attr = {{"classes", 3}, {"ignore_index", 1}}},
	         {.in = {{DIMS(3), DT_I32, 7, 9}}, .attr = {{"classes", 5}}}),
};

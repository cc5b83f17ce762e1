#include "ir/build.h"

#include "ir/op.h"

static Value *shaped(Graph *g, Loc loc, const OpDef *op, Value *v, Shape s)
{
	if (shape_equal(v->shape, s))
		return v;
	Node *n = node_new(g, loc, op, 1, (Value *[]){v});
	node_set_ints(g, n, "shape", s.rank, s.dim);
	return node_done(g, n);
}

Value *build_reshape(Graph *g, Loc loc, Value *v, Shape s)
{
	return shaped(g, loc, &op_Reshape, v, s);
}

Value *build_sum_to(Graph *g, Loc loc, Value *v, Shape s)
{
	return shaped(g, loc, &op_SumTo, v, s);
}

Value *build_expand(Graph *g, Loc loc, Value *v, Shape s)
{
	return shaped(g, loc, &op_Expand, v, s);
}

Value *build_scale(Graph *g, Loc loc, Value *v, double x)
{
	return x == 1 ? v : APPLY(g, loc, op_Mul, v,
	                          graph_scalar(g, v->dtype, x));
}

Value *build_affine(Graph *g, Loc loc, Value *v, double scale, double add)
{
	Value *scaled = build_scale(g, loc, v, scale);
	return add == 0 ? scaled : APPLY(g, loc, op_Add, scaled,
	                                 graph_scalar(g, v->dtype, add));
}

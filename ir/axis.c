#include "ir/axis.h"

#include <math.h>

bool axis_infer(Unit *u, Node *n)
{
	Shape s = n->in[0]->shape;
	int axis;
	if (!infer_axis(u, n, attr_int(n, AXIS), s.rank, &axis))
		return false;
	if (!s.dim[axis]) {
		error_at(u, n->loc, "axis %d of %s has no elements", axis,
		         shape_text(u->arena, s));
		return false;
	}
	for (int i = 1; i < n->nin; i++)
		if (!shape_equal(n->in[i]->shape, s)) {
			error_at(u, n->loc, "input %d has shape %s, expected %s",
			         i, shape_text(u->arena, n->in[i]->shape),
			         shape_text(u->arena, s));
			return false;
		}
	return infer_elementwise(u, n);
}

int axis_of(const Node *n, Shape s)
{
	int64_t axis = attr_int(n, AXIS);
	return (int)(axis < 0 ? axis + s.rank : axis);
}

bool axis_parts(const Node *n, const bool part[], PartKind out[])
{
	return axis_of(n, n->in[0]->shape) > 0 && parts_all(n, part, out);
}

Line line_open(Kernel *k, const Node *n, Shape s)
{
	Line l = {.axis = axis_of(n, s), .rank = s.rank};
	l.extent = s.dim[l.axis];
	for (int a = 0; a < s.rank; a++)
		if (a != l.axis)
			l.at[a] = k_at(k_for(k, s.dim[a]));
	return l;
}

void line_close(Kernel *k, const Line *l)
{
	k_end_n(k, l->rank - 1);
}

Index *line_for(Kernel *k, Line *l)
{
	l->at[l->axis] = k_at(k_for(k, l->extent));
	return l->at;
}

int line_max(Kernel *k, Line *l, const Value *x)
{
	int max = k_var(k, k_typed(k, compute_type(x->dtype), -INFINITY));
	Expr *e = k_load_at(k, x, line_for(k, l));
	k_set(k, max, k_max(k, k_get(k, max), e));
	k_end(k);
	return max;
}

int line_log_sum_exp(Kernel *k, Line *l, const Value *x, int max)
{
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	Expr *e = k_sub(k, k_load_at(k, x, line_for(k, l)), k_get(k, max));
	k_set(k, sum, k_add(k, k_get(k, sum), k_exp(k, e)));
	k_end(k);
	return k_var(k, k_log(k, k_get(k, sum)));
}

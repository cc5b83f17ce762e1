#include "ir/cumulate.h"

bool cumulate_infer(Unit *u, Node *n)
{
	int axis;
	return infer_axis(u, n, attr_int(n, CUMULATE_AXIS),
	                  n->in[0]->shape.rank, &axis) && infer_like(n, 0, 0);
}

bool cumulate_parts(const Node *n, const bool part[], PartKind out[])
{
	int64_t axis = attr_int(n, CUMULATE_AXIS);
	return axis != 0 && axis != -n->in[0]->shape.rank &&
	       parts_all(n, part, out);
}

int cumulate_open(Kernel *k, const Node *n, bool backward, double empty,
                  Index at[])
{
	Shape x = n->in[0]->shape;
	int axis;
	infer_axis(NULL, n, attr_int(n, CUMULATE_AXIS), x.rank, &axis);
	for (int a = 0; a < x.rank; a++)
		if (a != axis)
			at[a] = k_at(k_for(k, x.dim[a]));
	DType type = compute_type(n->in[0]->dtype);
	int sum = k_var(k, k_typed(k, type, empty));
	at[axis] = k_at(k_for(k, x.dim[axis]));
	if ((attr_int(n, CUMULATE_REVERSE) != 0) != backward)
		at[axis] = k_plus(k_scaled(at[axis], -1), x.dim[axis] - 1);
	return sum;
}

void cumulate_lower(Kernel *k, const Node *n, double empty, Combine *combine)
{
	const Value *x = n->in[0];
	Index at[MAX_RANK];
	int sum = cumulate_open(k, n, false, empty, at);
	Expr *more = combine(k, k_get(k, sum), k_load_at(k, x, at));
	if (attr_int(n, CUMULATE_EXCLUSIVE)) {
		int next = k_var(k, more);
		k_store_at(k, n->out[0], at, k_get(k, sum));
		k_set(k, sum, k_get(k, next));
	} else {
		k_set(k, sum, more);
		k_store_at(k, n->out[0], at, k_get(k, sum));
	}
	k_end_n(k, x->shape.rank);
}

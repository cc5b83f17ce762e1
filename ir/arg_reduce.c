#include "ir/arg_reduce.h"

bool arg_reduce_infer(Unit *u, Node *n)
{
	Shape from = n->in[0]->shape, to = {0};
	int axis;
	if (!infer_axis(u, n, attr_int(n, ARG_AXIS), from.rank, &axis))
		return false;
	if (!from.dim[axis]) {
		error_at(u, n->loc, "axis %d of %s has no elements", axis,
		         shape_text(u->arena, from));
		return false;
	}
	for (int a = 0; a < from.rank; a++)
		if (a != axis || attr_int(n, ARG_KEEPDIMS))
			to.dim[to.rank++] = a == axis ? 1 : from.dim[a];
	n->out[0]->dtype = DT_I64;
	n->out[0]->shape = to;
	return true;
}

void arg_reduce_lower(Kernel *k, const Node *n, Beats *beats)
{
	const Value *x = n->in[0], *y = n->out[0];
	int rank = x->shape.rank, axis;
	Index at[MAX_RANK], to[MAX_RANK];
	bool keep = attr_int(n, ARG_KEEPDIMS);
	infer_axis(NULL, n, attr_int(n, ARG_AXIS), rank, &axis);
	for (int a = 0, d = 0; a < rank; a++) {
		if (a != axis)
			to[d++] = at[a] = k_at(k_for(k, x->shape.dim[a]));
		else if (keep)
			to[d++] = k_const(0);
	}
	at[axis] = k_const(0);
	int best = k_var(k, k_load_at(k, x, at));
	int where = k_var(k, k_typed(k, DT_I32, 0));
	int i = k_for(k, x->shape.dim[axis]);
	at[axis] = k_at(i);
	Expr *e = k_get(k, k_var(k, k_load_at(k, x, at)));
	Expr *better = attr_int(n, ARG_LAST)
		? k_not(k, beats(k, k_get(k, best), e))
		: beats(k, e, k_get(k, best));
	better = k_get(k, k_var(k, better));
	k_set(k, where, k_sel(k, better, k_index(k, k_at(i)), k_get(k, where)));
	k_set(k, best, k_sel(k, better, e, k_get(k, best)));
	k_end(k);
	k_store_at(k, y, to, k_get(k, where));
	k_end_n(k, rank - 1);
}

bool arg_reduce_parts(const Node *n, const bool part[], PartKind out[])
{
	int64_t axis = attr_int(n, ARG_AXIS);
	return axis != 0 && axis != -n->in[0]->shape.rank &&
	       parts_all(n, part, out);
}

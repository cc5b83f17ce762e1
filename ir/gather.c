#include "ir/gather.h"

int gather_axis(const Node *n, Shape whole)
{
	int64_t axis = attr_int(n, GATHER_AXIS);
	return (int)(axis < 0 ? axis + whole.rank : axis);
}

bool gather_shape(Unit *u, const Node *n, Shape whole, const Value *index,
                  Shape *part)
{
	int axis, rank = whole.rank - 1 + index->shape.rank;
	if (!infer_axis(u, n, attr_int(n, GATHER_AXIS), whole.rank, &axis))
		return false;
	if (dtype_is_float(index->dtype) || rank > MAX_RANK) {
		error_at(u, n->loc, "indices are %s%s, expected integers and at "
		         "most %d dimensions in all",
		         dtype_name(index->dtype),
		         shape_text(u->arena, index->shape), MAX_RANK);
		return false;
	}
	*part = (Shape){.rank = rank};
	for (int i = 0; i < axis; i++)
		part->dim[i] = whole.dim[i];
	for (int i = 0; i < index->shape.rank; i++)
		part->dim[axis + i] = index->shape.dim[i];
	for (int i = axis + 1; i < whole.rank; i++)
		part->dim[i - 1 + index->shape.rank] = whole.dim[i];
	return true;
}

int gather_index(Kernel *k, Expr *index, int64_t dim)
{
	int i = k_var(k, index);
	Expr *negative = k_lt(k, k_get(k, i), k_typed(k, index->type, 0));
	Expr *size = k_typed(k, index->type, (double)dim);
	k_set(k, i, k_sel(k, negative, k_add(k, k_get(k, i), size),
	                  k_get(k, i)));
	return i;
}

/* The loops follow the part's dimensions; the index is read as soon as its own
 * loops are open. */
void gather_open(Kernel *k, const Node *n, Shape whole, const Value *index,
                 Index in_whole[], Index in_part[])
{
	int loop[MAX_RANK], r = 0, nindex = index->shape.rank;
	int axis = gather_axis(n, whole);
	for (; r < axis; r++)
		in_whole[r] = k_at(loop[r] = k_for(k, whole.dim[r]));
	for (; r < axis + nindex; r++)
		loop[r] = k_for(k, index->shape.dim[r - axis]);
	in_whole[axis] = k_indirect(gather_index(k, k_load(k, index, loop + axis),
	                                     whole.dim[axis]));
	for (; r < whole.rank - 1 + nindex; r++) {
		loop[r] = k_for(k, whole.dim[r - nindex + 1]);
		in_whole[r - nindex + 1] = k_at(loop[r]);
	}
	for (int i = 0; i < r; i++)
		in_part[i] = k_at(loop[i]);
}

void gather_close(Kernel *k, Shape part)
{
	k_end_n(k, part.rank);
}

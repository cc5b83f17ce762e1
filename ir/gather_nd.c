#include "ir/gather_nd.h"

#include "ir/gather.h"

static bool same_batch(Shape whole, Shape index, int64_t batch)
{
	for (int i = 0; i < batch; i++)
		if (whole.dim[i] != index.dim[i])
			return false;
	return true;
}

bool gather_nd_shape(Unit *u, const Node *n, Shape whole, const Value *index,
                     int64_t batch, Shape *part)
{
	Shape s = index->shape;
	int64_t tuple = s.rank ? s.dim[s.rank - 1] : 0;
	if (dtype_is_float(index->dtype) || batch < 0 || batch >= s.rank ||
	    tuple < 1 || batch + tuple > whole.rank ||
	    !same_batch(whole, s, batch)) {
		error_at(u, n->loc, "indices are %s%s, which name no parts of %s "
		         "with batch_dims %lld", dtype_name(index->dtype),
		         shape_text(u->arena, s), shape_text(u->arena, whole),
		         (long long)batch);
		return false;
	}
	int rest = whole.rank - (int)(batch + tuple);
	if (s.rank - 1 + rest > MAX_RANK) {
		error_at(u, n->loc, "gives more than %d dimensions", MAX_RANK);
		return false;
	}
	*part = s;
	part->rank--;
	for (int i = 0; i < rest; i++)
		part->dim[part->rank++] = whole.dim[batch + tuple + i];
	return true;
}

/* The indices are read as soon as the loops over the tuples are open. */
void gather_nd_open(Kernel *k, Shape whole, const Value *index, int batch,
                    Index in_whole[], Index in_part[])
{
	Index at[MAX_RANK];
	int ntuples = index->shape.rank - 1, named = batch;
	for (int i = 0; i < ntuples; i++)
		at[i] = in_part[i] = k_at(k_for(k, index->shape.dim[i]));
	for (int i = 0; i < batch; i++)
		in_whole[i] = in_part[i];
	for (int i = 0; i < index->shape.dim[ntuples]; i++, named++) {
		at[ntuples] = k_const(i);
		int var = gather_index(k, k_load_at(k, index, at),
		                       whole.dim[named]);
		in_whole[named] = k_indirect(var);
	}
	for (int i = named; i < whole.rank; i++)
		in_whole[i] = in_part[ntuples + i - named] =
			k_at(k_for(k, whole.dim[i]));
}

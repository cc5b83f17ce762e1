#include "ir/resize.h"

static int naxes(const Node *n)
{
	return n->attr[RESIZE_AXES].n;
}

static int axis_of(const Node *n, int i)
{
	return (int)n->attr[RESIZE_AXES].ints[i];
}

static int64_t taps_of(const Node *n, int i)
{
	return n->attr[RESIZE_TAPS].ints[i];
}

static const Value *table(const Node *n, int which)
{
	return which < n->nin ? n->in[which] : NULL;
}

static bool table_fits(const Node *n, int i)
{
	const Value *place = table(n, 1 + 2 * i), *weight = table(n, 2 + 2 * i);
	int64_t taps = taps_of(n, i);
	return place && place->dtype == DT_I32 && taps > 0 &&
	       numel(place->shape) % taps == 0 &&
	       (weight ? dtype_is_float(weight->dtype) &&
	                 numel(weight->shape) == numel(place->shape)
	               : taps == 1);
}

bool resize_shape(Unit *u, const Node *n, Shape from, Shape *to)
{
	bool ok = n->attr[RESIZE_TAPS].n == naxes(n);
	*to = from;
	for (int i = 0; ok && i < naxes(n); i++) {
		ok = axis_of(n, i) >= 0 && axis_of(n, i) < from.rank &&
		     table_fits(n, i);
		if (ok)
			to->dim[axis_of(n, i)] =
				numel(n->in[1 + 2 * i]->shape) / taps_of(n, i);
	}
	if (!ok)
		error_at(u, n->loc, "its tables do not fit %d axes of %s",
		         naxes(n), shape_text(u->arena, from));
	return ok;
}

void resize_open(Kernel *k, const Node *n, Shape y, ResizeLoops *r)
{
	for (int a = 0; a < y.rank; a++)
		r->x[a] = r->y[a] = k_at(k_for(k, y.dim[a]));
	r->inner = 0;
	r->weight = NULL;
}

void resize_open_taps(Kernel *k, const Node *n, DType type, ResizeLoops *r)
{
	for (int i = 0; i < naxes(n); i++) {
		const Value *weight = table(n, 2 + 2 * i);
		int64_t taps = taps_of(n, i);
		Index at = k_scaled(r->y[axis_of(n, i)], taps);
		if (taps > 1) {
			at = k_sum(at, k_at(k_for(k, taps)));
			r->inner++;
		}
		Expr *place = k_load_flat(k, n->in[1 + 2 * i], at);
		r->x[axis_of(n, i)] = k_indirect(k_var(k, place));
		if (!weight)
			continue;
		Expr *w = k_cast(k, type, k_load_flat(k, weight, at));
		w = r->weight ? k_mul(k, r->weight, w) : w;
		r->weight = k_get(k, k_var(k, w));
	}
}

bool resize_names_first(const Node *n)
{
	for (int i = 0; i < naxes(n); i++)
		if (axis_of(n, i) == 0)
			return true;
	return false;
}

/* ArgMax: where along `axis` x is greatest, as an i64; of equal elements the
 * first, or the last with select_last_index. */
#include "ir/op.h"

enum { AXIS, KEEPDIMS, LAST };

static bool infer(Unit *u, Node *n)
{
	Shape from = n->in[0]->shape, to = {0};
	int axis;
	if (!infer_axis(u, n, attr_int(n, AXIS), from.rank, &axis))
		return false;
	if (!from.dim[axis]) {
		error_at(u, n->loc, "axis %d of %s has no elements", axis,
		         shape_text(u->arena, from));
		return false;
	}
	for (int a = 0; a < from.rank; a++)
		if (a != axis || attr_int(n, KEEPDIMS))
			to.dim[to.rank++] = a == axis ? 1 : from.dim[a];
	n->out[0]->dtype = DT_I64;
	n->out[0]->shape = to;
	return true;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	int rank = x->shape.rank, axis;
	Index at[MAX_RANK], to[MAX_RANK];
	bool keep = attr_int(n, KEEPDIMS);
	infer_axis(NULL, n, attr_int(n, AXIS), rank, &axis);
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
	Expr *better = attr_int(n, LAST) ? k_ge(k, e, k_get(k, best))
	                                 : k_gt(k, e, k_get(k, best));
	better = k_get(k, k_var(k, better));
	k_set(k, where, k_sel(k, better, k_index(k, k_at(i)), k_get(k, where)));
	k_set(k, best, k_sel(k, better, e, k_get(k, best)));
	k_end(k);
	k_store_at(k, y, to, k_get(k, where));
	k_end_n(k, rank - 1);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	int64_t axis = attr_int(n, AXIS);
	return axis != 0 && axis != -n->in[0]->shape.rank &&
	       parts_all(n, part, out);
}

const OpDef op_ArgMax = {
	.name = "ArgMax", .since = 13, .min_in = 1, .max_in = 1,
	ATTRS([AXIS] = {"axis", ATTR_INT, true},
	      [KEEPDIMS] = {"keepdims", ATTR_INT, true, .i = 1},
	      [LAST] = {"select_last_index", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.stops = true,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(5, 3)}}},
	         {.in = {{DIMS(2, 7, 3)}},
	          .attr = {{"axis", 1}, {"keepdims", 0}}},
	         {.in = {{DIMS(3, 9), DT_I32, -2, 2}}, .attr = {{"axis", -1}}},
	         {.in = {{DIMS(3, 9), DT_I32, -2, 2}},
	          .attr = {{"axis", -1}, {"select_last_index", 1}}}),
};

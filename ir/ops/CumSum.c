/*
 * CumSum: y[i] = x[0] + ... + x[i] along `axis`; x[0] + ... + x[i - 1] if
 * exclusive; counted from the other end if reverse. dx is the CumSum of dy from
 * the other end.
 */
#include "ir/op.h"

enum { AXIS, EXCLUSIVE, REVERSE };

static bool infer(Unit *u, Node *n)
{
	int axis;
	return infer_axis(u, n, attr_int(n, AXIS), n->in[0]->shape.rank,
	                  &axis) && infer_like(n, 0, 0);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0];
	int rank = x->shape.rank, axis;
	Index at[MAX_RANK];
	infer_axis(NULL, n, attr_int(n, AXIS), rank, &axis);
	for (int a = 0; a < rank; a++)
		if (a != axis)
			at[a] = k_at(k_for(k, x->shape.dim[a]));
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	at[axis] = k_at(k_for(k, x->shape.dim[axis]));
	if (attr_int(n, REVERSE))
		at[axis] = k_plus(k_scaled(at[axis], -1),
		                  x->shape.dim[axis] - 1);
	Expr *more = k_add(k, k_get(k, sum), k_load_at(k, x, at));
	if (attr_int(n, EXCLUSIVE)) {
		int next = k_var(k, more);
		k_store_at(k, n->out[0], at, k_get(k, sum));
		k_set(k, sum, k_get(k, next));
	} else {
		k_set(k, sum, more);
		k_store_at(k, n->out[0], at, k_get(k, sum));
	}
	k_end_n(k, rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_CumSum, dy[0]);
	node_copy_attrs(g, e, n);
	node_set_int(g, e, "reverse", !attr_int(n, REVERSE));
	dx[0] = node_done(g, e);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	int64_t axis = attr_int(n, AXIS);
	return axis != 0 && axis != -n->in[0]->shape.rank &&
	       parts_all(n, part, out);
}

const OpDef op_CumSum = {
	.name = "CumSum", .since = 11, .min_in = 1, .max_in = 1,
	ATTRS([AXIS] = {"axis", ATTR_INT},
	      [EXCLUSIVE] = {"exclusive", ATTR_INT, true},
	      [REVERSE] = {"reverse", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(5)}}, .attr = {{"axis", 0}}},
	         {.in = {{DIMS(2, 3, 4)}},
	          .attr = {{"axis", -2}, {"reverse", 1}}},
	         {.in = {{DIMS(2, 3, 4)}},
	          .attr = {{"axis", 1}, {"exclusive", 1}}},
	         {.in = {{DIMS(3, 4)}},
	          .attr = {{"axis", 1}, {"exclusive", 1}, {"reverse", 1}}},
	         {.in = {{DIMS(6), DT_I32, -9, 9}}, .attr = {{"axis", 0}}}),
};

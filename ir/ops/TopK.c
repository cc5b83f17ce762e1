/*
 * TopK: the k largest (or smallest) elements along `axis`, in that order, and
 * where they are, as i64; of equal elements the first is first. A NaN is the
 * largest of all. The gradient goes to where they are.
 *
 * Each is found by a walk along the axis, among those that come after the one
 * before: k walks, and no memory.
 */
#include "ir/op.h"

enum { AXIS, COUNT, LARGEST };

static bool infer(Unit *u, Node *n)
{
	Shape y = n->in[0]->shape;
	int64_t count = attr_int(n, COUNT);
	int axis;
	if (!infer_axis(u, n, attr_int(n, AXIS), y.rank, &axis))
		return false;
	if (count < 0 || count > y.dim[axis] || count > INT32_MAX) {
		error_at(u, n->loc, "k is %lld, expected 0 to the %lld elements "
		         "along axis %d", (long long)count,
		         (long long)y.dim[axis], axis);
		return false;
	}
	y.dim[axis] = count;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = y;
	if (n->nout > 1) {
		n->out[1]->dtype = DT_I64;
		n->out[1]->shape = y;
	}
	return true;
}

static Expr *greater(Kernel *k, Expr *a, Expr *b)
{
	if (!dtype_is_float(a->type))
		return k_gt(k, a, b);
	return k_or(k, k_gt(k, a, b),
	            k_and(k, k_ne(k, a, a), k_eq(k, b, b)));
}

static Expr *beats(Kernel *k, const Node *n, Expr *a, Expr *b)
{
	return attr_int(n, LARGEST) ? greater(k, a, b) : greater(k, b, a);
}

/* The winner so far, or the one before: scalar variables. */
typedef struct Winner {
	int value, place;   /* place < 0: none */
} Winner;

static Winner nobody(Kernel *k, DType t)
{
	int value = k_var(k, k_typed(k, compute_type(t), 0));
	return (Winner){value, k_var(k, k_typed(k, DT_I32, -1))};
}

static Expr *is_nobody(Kernel *k, Winner w)
{
	return k_lt(k, k_get(k, w.place), k_num(k, 0));
}

/* Does x at `place` come after w? */
static Expr *after(Kernel *k, const Node *n, Winner w, Expr *x, Expr *place)
{
	Expr *last = k_get(k, w.value);
	Expr *less = k_get(k, k_var(k, beats(k, n, last, x)));
	Expr *more = k_get(k, k_var(k, beats(k, n, x, last)));
	Expr *later = k_gt(k, place, k_get(k, w.place));
	return k_or(k, is_nobody(k, w),
	            k_or(k, less, k_and(k, k_not(k, more), later)));
}

static void walk(Kernel *k, const Node *n, int axis, Index at[], Winner last,
                 Winner best)
{
	const Value *x = n->in[0];
	at[axis] = k_at(k_for(k, x->shape.dim[axis]));
	Expr *e = k_get(k, k_var(k, k_load_at(k, x, at)));
	Expr *place = k_index(k, at[axis]);
	Expr *wins = k_or(k, is_nobody(k, best),
	                  beats(k, n, e, k_get(k, best.value)));
	wins = k_and(k, wins, after(k, n, last, e, place));
	wins = k_get(k, k_var(k, wins));
	k_set(k, best.value, k_sel(k, wins, e, k_get(k, best.value)));
	k_set(k, best.place, k_sel(k, wins, place, k_get(k, best.place)));
	k_end(k);
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
	Winner last = nobody(k, x->dtype);
	int i = k_for(k, attr_int(n, COUNT));
	Winner best = nobody(k, x->dtype);
	walk(k, n, axis, at, last, best);
	k_set(k, last.value, k_get(k, best.value));
	k_set(k, last.place, k_get(k, best.place));
	at[axis] = k_at(i);
	k_store_at(k, n->out[0], at, k_get(k, best.value));
	if (n->nout > 1)
		k_store_at(k, n->out[1], at, k_get(k, best.place));
	k_end_n(k, rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Shape x = n->in[0]->shape;
	if (n->nout == 1)
		node_add_output(g, n, DT_I64, n->out[0]->shape);
	Node *e = NEW(g, n->loc, op_GatherElementsGrad, dy[0], n->out[1]);
	node_set_int(g, e, "axis", attr_int(n, AXIS));
	node_set_ints(g, e, "shape", x.rank, x.dim);
	dx[0] = node_done(g, e);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	int64_t axis = attr_int(n, AXIS);
	return axis != 0 && axis != -n->in[0]->shape.rank &&
	       parts_all(n, part, out);
}

const OpDef op_TopK = {
	.name = "TopK", .since = 11, .min_in = 1, .max_in = 1,
	.min_out = 1, .max_out = 2, .active = 1,
	ATTRS([AXIS] = {"axis", ATTR_INT, true, .i = -1},
	      [COUNT] = {"k", ATTR_INT},
	      [LARGEST] = {"largest", ATTR_INT, true, .i = 1}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.nout = 2, .in = {{DIMS(3, 7)}}, .attr = {{"k", 3}}},
	         {.nout = 2, .in = {{DIMS(2, 5, 3)}},
	          .attr = {{"k", 5}, {"axis", 1}, {"largest", 0}}},
	         {.nout = 2, .in = {{DIMS(2, 9), DT_I32, -2, 2}},
	          .attr = {{"k", 6}}},
	         {.in = {{DIMS(9, 2)}}, .attr = {{"k", 2}, {"axis", 0}}}),
};

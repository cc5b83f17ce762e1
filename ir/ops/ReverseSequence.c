/*
 * ReverseSequence: the first `lengths[b]` elements of x along `time_axis` in
 * reverse, the others as they are; b is the place along `batch_axis`. dx is the
 * same of dy.
 */
#include "ir/op.h"

enum { BATCH_AXIS, TIME_AXIS };

static bool infer(Unit *u, Node *n)
{
	Shape x = n->in[0]->shape, lengths = n->in[1]->shape;
	int64_t batch = attr_int(n, BATCH_AXIS), time = attr_int(n, TIME_AXIS);
	if (batch < 0 || batch >= x.rank || time < 0 || time >= x.rank ||
	    batch == time || lengths.rank != 1 ||
	    lengths.dim[0] != x.dim[batch] ||
	    dtype_is_float(n->in[1]->dtype)) {
		error_at(u, n->loc, "lengths are %s%s for %s with batch_axis "
		         "%lld and time_axis %lld",
		         dtype_name(n->in[1]->dtype),
		         shape_text(u->arena, lengths),
		         shape_text(u->arena, x), (long long)batch,
		         (long long)time);
		return false;
	}
	return infer_like(n, 0, 0);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0];
	int batch = (int)attr_int(n, BATCH_AXIS);
	int time = (int)attr_int(n, TIME_AXIS), loop[MAX_RANK];
	Index at[MAX_RANK];
	k_for_shape(k, x->shape, loop);
	for (int a = 0; a < x->shape.rank; a++)
		at[a] = k_at(loop[a]);
	Expr *length = k_cast(k, DT_I32, k_load(k, n->in[1], loop + batch));
	Expr *t = k_index(k, at[time]);
	length = k_get(k, k_var(k, length));
	Expr *last = k_sub(k, length, k_typed(k, DT_I32, 1));
	Expr *from = k_sel(k, k_lt(k, t, length), k_sub(k, last, t), t);
	at[time] = k_indirect(k_var(k, from));
	k_store(k, n->out[0], loop, k_load_padded(k, x, at, 0));
	k_end_n(k, x->shape.rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_ReverseSequence, dy[0], n->in[1]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

/* Rows of both where the batch comes first; of x alone in any other place. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	bool first = attr_int(n, BATCH_AXIS) == 0;
	return attr_int(n, TIME_AXIS) != 0 && part[0] && part[1] == first &&
	       parts_give(n, PART_ROWS, out);
}

const OpDef op_ReverseSequence = {
	.name = "ReverseSequence", .since = 10, .min_in = 2, .max_in = 2,
	ATTRS([BATCH_AXIS] = {"batch_axis", ATTR_INT, true, .i = 1},
	      [TIME_AXIS] = {"time_axis", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(4, 3, 2)}, {DIMS(3), DT_I64, 1, 4}}},
	         {.in = {{DIMS(2, 5)}, {DIMS(2), DT_I64, 1, 5}},
	          .attr = {{"batch_axis", 0}, {"time_axis", 1}}}),
};

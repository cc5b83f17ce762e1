/* Trilu: the upper (or lower) triangle of each matrix, zeros elsewhere; k
 * moves the diagonal to the right. The gradient is cut alike. */
#include "ir/op.h"

enum { UPPER, DIAGONAL };

static bool infer(Unit *u, Node *n)
{
	if (n->in[0]->shape.rank < 2) {
		error_at(u, n->loc, "input has %d dimensions, expected 2 or more",
		         n->in[0]->shape.rank);
		return false;
	}
	return infer_like(n, 0, 0);
}

/* Beyond the matrix it makes no difference how far. */
static double diagonal_of(const Node *n)
{
	int64_t k = attr_int(n, DIAGONAL);
	return (double)(k > INT32_MAX ? INT32_MAX : k < -INT32_MAX ? -INT32_MAX : k);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	int rank = x->shape.rank, loop[MAX_RANK];
	k_for_shape(k, x->shape, loop);
	Index right = k_sum(k_at(loop[rank - 1]),
	                    k_scaled(k_at(loop[rank - 2]), -1));
	Expr *at = k_index(k, right);
	Expr *diagonal = k_typed(k, DT_I32, diagonal_of(n));
	Expr *keep = attr_int(n, UPPER) ? k_ge(k, at, diagonal)
	                                : k_le(k, at, diagonal);
	k_store(k, y, loop, k_sel(k, keep, k_load(k, x, loop), k_num(k, 0)));
	k_end_n(k, rank);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *t = NEW(g, n->loc, op_Trilu, dy[0]);
	node_copy_attrs(g, t, n);
	dx[0] = node_done(g, t);
}

/* Of a batch of matrices. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return n->in[0]->shape.rank > 2 && parts_all(n, part, out);
}

const OpDef op_Trilu = {
	.name = "Trilu", .since = 14, .min_in = 1, .max_in = 1,
	ATTRS([UPPER] = {"upper", ATTR_INT, true, 1},
	      [DIAGONAL] = {"k", ATTR_INT, true, 0}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(3, 4)}}},
	         {.in = {{DIMS(2, 4, 3)}}, .attr = {{"upper", 0}, {"k", -1}}},
	         {.in = {{DIMS(3, 3), DT_I64, -9, 9}}, .attr = {{"k", 1}}}),
};

/*
 * SumTo(x, from): adds up x over the dimensions along which `shape` was stretched
 * to x's shape; undoes a broadcast. The gradient of a broadcast operand. The sums
 * begin with `from`, or 0.
 */
#include "ir/op.h"

enum { SHAPE };

static bool infer(Unit *u, Node *n)
{
	Shape to, whole;
	if (!infer_shape(u, n, SHAPE, &to))
		return false;
	if (!shape_broadcast(n->in[0]->shape, to, &whole) ||
	    !shape_equal(whole, n->in[0]->shape)) {
		error_at(u, n->loc, "cannot sum %s to %s",
		         shape_text(u->arena, n->in[0]->shape),
		         shape_text(u->arena, to));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = to;
	return true;
}

/* The kept axes are the outer loops, the summed ones the inner: each sum stays
 * in a register. */
static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	int lead = x->shape.rank - y->shape.rank, nsum = 0, nkeep = 0;
	int loop[MAX_RANK] = {0};
	bool keep[MAX_RANK];
	for (int a = 0; a < x->shape.rank; a++) {
		keep[a] = a >= lead && y->shape.dim[a - lead] == x->shape.dim[a];
		if (keep[a]) {
			loop[a] = k_for(k, x->shape.dim[a]);
			nkeep++;
		}
	}
	const Value *from = node_sum_from(n, 0);
	int sum = k_var(k, from ? k_load(k, from, loop + lead)
	                        : k_typed(k, compute_type(x->dtype), 0));
	for (int a = 0; a < x->shape.rank; a++)
		if (!keep[a]) {
			loop[a] = k_for(k, x->shape.dim[a]);
			nsum++;
		}
	k_set(k, sum, k_add(k, k_get(k, sum), k_load(k, x, loop)));
	k_end_n(k, nsum);
	k_store(k, y, loop + lead, k_get(k, sum));
	k_end_n(k, nkeep);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_Expand, dy[0]);
	node_set_ints(g, e, "shape", n->in[0]->shape.rank, n->in[0]->shape.dim);
	dx[0] = node_done(g, e);
	if (n->nin > 1)
		dx[1] = dy[0];
}

/* A sum, unless the first dimension is kept. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	Shape x = n->in[0]->shape, y = n->out[0]->shape;
	bool rows = y.rank == x.rank && y.dim[0] == x.dim[0];
	return parts_give(n, rows ? PART_ROWS : PART_SUM, out);
}

const OpDef op_SumTo = {
	.name = "SumTo", .min_in = 1, .max_in = 2,
	.goes_on = 1,
	ATTRS([SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.nin = 2, .in = {{DIMS(3, 2, 4)}, {DIMS(1, 2, 1)}},
	          .attr = {{"shape", INTS(1, 2, 1)}}},
	         {.in = {{DIMS(2, 3)}}, .attr = {{"shape", INTS(1, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"shape", INTS(3, 1)}}},
	         {.in = {{DIMS(4)}}, .attr = {{"shape", .n = 0}}}),
};

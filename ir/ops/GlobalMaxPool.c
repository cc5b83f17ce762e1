/*
 * GlobalMaxPool: y[n,c,1,..] = the largest of x[n,c,..]; the gradient goes to
 * the first of them. For it the node gets the winner's place as a second
 * output: it is MaxPool with a window of the input's size.
 */
#include "ir/op.h"

#include "ir/pool.h"

static int64_t count_of(const Node *n)
{
	Shape s = n->in[0]->shape;
	int64_t count = 1;
	for (int i = 2; i < s.rank; i++)
		count *= s.dim[i];
	return count;
}

static bool infer(Unit *u, Node *n)
{
	Shape y = n->in[0]->shape;
	if (y.rank < 3 || count_of(n) < 1) {
		error_at(u, n->loc, "input has shape %s, expected [N,C,..]",
		         shape_text(u->arena, y));
		return false;
	}
	for (int i = 2; i < y.rank; i++)
		y.dim[i] = 1;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = y;
	if (n->nout > 1) {
		n->out[1]->dtype = best_place_type(count_of(n));
		n->out[1]->shape = y;
	}
	return best_type(u, n);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	int64_t count = count_of(n);
	int c = k_for(k, numel(y->shape));
	Best best = best_start(k, x->dtype,
	                       n->nout > 1 ? k_typed(k, DT_I32, 0) : NULL);
	int i = k_for(k, count);
	Index at = k_sum(k_scaled(k_at(c), count), k_at(i));
	best_feed(k, &best, k_load_flat(k, x, at), k_at(i));
	k_end(k);
	k_store_flat(k, y, k_at(c), k_get(k, best.value));
	if (n->nout > 1)
		k_store_flat(k, n->out[1], k_at(c), k_get(k, best.place));
	k_end(k);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Shape x = n->in[0]->shape;
	if (n->nout == 1)
		node_add_output(g, n, best_place_type(count_of(n)),
		                n->out[0]->shape);
	Node *d = NEW(g, n->loc, op_MaxPoolGrad, dy[0], n->out[1]);
	node_set_ints(g, d, "kernel_shape", x.rank - 2, x.dim + 2);
	node_set_ints(g, d, "shape", x.rank, x.dim);
	dx[0] = node_done(g, d);
}

const OpDef op_GlobalMaxPool = {
	.name = "GlobalMaxPool", .since = 1, .min_in = 1, .max_in = 1,
	.min_out = 1, .max_out = 2,
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(2, 3, 4, 5)}}}, {.in = {{DIMS(1, 2, 7)}}},
	         {.nout = 2, .in = {{DIMS(1, 1, 17, 17)}}},
	         {.in = {{DIMS(1, 2, 2, 3, 2)}}}),
};

/* GlobalAveragePool: y[n,c,1,..] = the mean of x[n,c,..]. dx = dy / count. */
#include "ir/op.h"

#include "ir/build.h"

static Shape pooled(Shape s)
{
	for (int i = 2; i < s.rank; i++)
		s.dim[i] = 1;
	return s;
}

static bool infer(Unit *u, Node *n)
{
	if (n->in[0]->shape.rank < 3 || !dtype_is_float(n->in[0]->dtype)) {
		error_at(u, n->loc, "input is %s%s, expected floats [N,C,..]",
		         dtype_name(n->in[0]->dtype),
		         shape_text(u->arena, n->in[0]->shape));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = pooled(n->in[0]->shape);
	return true;
}

static int64_t count_of(const Node *n)
{
	Shape s = n->in[0]->shape;
	int64_t count = 1;
	for (int i = 2; i < s.rank; i++)
		count *= s.dim[i];
	return count;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	int64_t count = count_of(n);
	int c = k_for(k, numel(y->shape));
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	int i = k_for(k, count);
	Index at = k_sum(k_scaled(k_at(c), count), k_at(i));
	k_set(k, sum, k_add(k, k_get(k, sum), k_load_flat(k, x, at)));
	k_end(k);
	k_store_flat(k, y, k_at(c),
	             k_div(k, k_get(k, sum), k_num(k, (double)count)));
	k_end(k);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *part = build_scale(g, n->loc, dy[0], 1 / (double)count_of(n));
	dx[0] = build_expand(g, n->loc, part, n->in[0]->shape);
}

const OpDef op_GlobalAveragePool = {
	.name = "GlobalAveragePool", .since = 1, .min_in = 1, .max_in = 1,
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts_first,
	EXAMPLES({.in = {{DIMS(2, 3, 4, 5)}}}, {.in = {{DIMS(1, 2, 7)}}},
	         {.in = {{DIMS(1, 2, 2, 3, 2)}}}, {.in = {{DIMS(2, 2, 1, 1)}}}),
};

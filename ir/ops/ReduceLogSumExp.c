/* ReduceLogSumExp: y = m + ln of the sum of e^(x - m), m the greatest x, so that
 * nothing overflows. dx = dy e^(x - y). */
#include "ir/reduce.h"

static int greatest(Kernel *k, const Node *n, ReduceLoops *l)
{
	const Value *x = n->in[0];
	Index at[MAX_RANK];
	for (int a = 0; a < x->shape.rank; a++)
		at[a] = l->reduced[a] ? k_const(0) : k_at(l->loop[a]);
	int m = k_var(k, k_load_at(k, x, at));
	reduce_open_reduced(k, n, l);
	k_set(k, m, k_max(k, k_get(k, m), k_load(k, x, l->loop)));
	k_end_n(k, l->nreduced);
	return m;
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0];
	ReduceLoops l;
	reduce_open_kept(k, n, &l);
	int m = greatest(k, n, &l);
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	reduce_open_reduced(k, n, &l);
	Expr *e = k_exp(k, k_sub(k, k_load(k, x, l.loop), k_get(k, m)));
	k_set(k, sum, k_add(k, k_get(k, sum), e));
	k_end_n(k, l.nreduced);
	k_store_flat(k, n->out[0], reduce_output_at(n, &l),
	             k_add(k, k_get(k, m), k_log(k, k_get(k, sum))));
	k_end_n(k, l.nkept);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value *less = APPLY(g, n->loc, op_Sub, n->in[0],
	                    reduce_align(g, n, n->out[0]));
	dx[0] = APPLY(g, n->loc, op_Mul, APPLY(g, n->loc, op_Exp, less),
	              reduce_align(g, n, dy[0]));
}

const OpDef op_ReduceLogSumExp = {
	.name = "ReduceLogSumExp", .since = 13, .min_in = 1, .max_in = 1,
	REDUCE_ATTRS,
	.infer = reduce_infer_nonempty,
	.lower = lower,
	.grad = grad,
	.parts = reduce_parts_kept,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"axes", INTS(1)}}},
	         {.in = {{DIMS(2, 1, 5)}},
	          .attr = {{"axes", INTS(-1, 0)}, {"keepdims", 0}}},
	         {.in = {{DIMS(3, 5), .lo = -200, .hi = 200}},
	          .attr = {{"keepdims", 0}}},
	         {.in = {{{0}}}},
	         {.in = {{DIMS(2, 3)}}, .attr = {{"noop_with_empty_axes", 1}}}),
};

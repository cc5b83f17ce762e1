/*
 * Softmax along `axis`: y = e^(x - m) / sum of e^(x - m), with m the greatest x
 * so that nothing overflows. dx = y (dy - sum of dy y). With `empty`, a line of
 * nothing but -infinity gives zeros, where the formula gives no numbers.
 *
 * e^(x - m) is computed twice rather than kept in y, so that y may be written
 * over x.
 */
#include "ir/axis.h"

#include <float.h>

enum { EMPTY = AXIS + 1 };

static Expr *term(Kernel *k, const Value *x, const Index at[], int max)
{
	return k_exp(k, k_sub(k, k_load_at(k, x, at), k_get(k, max)));
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	Line l = line_open(k, n, x->shape);
	int max = line_max(k, &l, x);
	bool empty = attr_int(n, EMPTY);
	if (empty)
		k_set(k, max, k_max(k, k_get(k, max), k_num(k, -FLT_MAX)));
	int sum = k_var(k, k_typed(k, compute_type(x->dtype), 0));
	Expr *e = term(k, x, line_for(k, &l), max);
	k_set(k, sum, k_add(k, k_get(k, sum), e));
	k_end(k);
	Expr *all = k_get(k, sum);
	if (empty)
		all = k_max(k, all, k_num(k, FLT_MIN));
	int scale = k_var(k, k_div(k, k_num(k, 1), all));
	Index *at = line_for(k, &l);
	k_store_at(k, y, at, k_mul(k, term(k, x, at, max), k_get(k, scale)));
	k_end(k);
	line_close(k, &l);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_SoftmaxGrad, dy[0], n->out[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Softmax = {
	.name = "Softmax", .since = 13, .min_in = 1, .max_in = 1,
	ATTRS(AXIS_ATTR(-1), [EMPTY] = {"empty", ATTR_INT, true}),
	.infer = axis_infer,
	.lower = lower,
	.grad = grad,
	.parts = axis_parts,
	EXAMPLES({.in = {{DIMS(3, 5)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"axis", 1}}},
	         {.in = {{DIMS(4, 1)}}, .attr = {{"axis", 0}}},
	         {.in = {{DIMS(7), .lo = -200, .hi = 200}}},
	         {.in = {{DIMS(3, 5)}}, .attr = {{"empty", 1}}}),
};

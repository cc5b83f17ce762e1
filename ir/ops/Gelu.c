/*
 * Gelu: y = x / 2 (1 + erf(x / sqrt 2)), or, approximated,
 * y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
 */
#include "ir/op.h"

#include <string.h>

enum { APPROXIMATE };

static bool infer(Unit *u, Node *n)
{
	const char *how = n->attr[APPROXIMATE].s;
	if (strcmp(how, "none") && strcmp(how, "tanh")) {
		error_at(u, n->loc, "approximate is '%s', expected 'none' or "
		         "'tanh'", how);
		return false;
	}
	return infer_broadcast(u, n);
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *half = k_mul(k, k_num(k, 0.5), x[0]), *s;
	if (!strcmp(n->attr[APPROXIMATE].s, "tanh")) {
		Expr *cubic = k_mul(k, k_num(k, 0.044715), k_mul(k, x[0], x[0]));
		s = k_mul(k, x[0], k_add(k, k_num(k, 1), cubic));
		s = k_tanh(k, k_mul(k, k_num(k, 0.7978845608028654), s));
	} else
		s = k_erf(k, k_mul(k, x[0], k_num(k, 0.7071067811865476)));
	y[0] = k_mul(k, half, k_add(k, k_num(k, 1), s));
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_GeluGrad, dy[0], n->in[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Gelu = {
	.name = "Gelu", .since = 20, .min_in = 1, .max_in = 1,
	ATTRS([APPROXIMATE] = {"approximate", ATTR_STRING, true, .s = "none"}),
	.infer = infer,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(2, 5)}}},
	         {.in = {{DIMS(9)}}, .attr = {{"approximate", .s = "tanh"}}}),
};

/* Shrink: y = x + bias where x < -lambd, x - bias where x > lambd, else 0. */
#include "ir/op.h"

enum { BIAS, LAMBD };

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	Expr *bias = k_num(k, attr_float(n, BIAS));
	double lambd = attr_float(n, LAMBD);
	Expr *low = k_sel(k, k_lt(k, x[0], k_num(k, -lambd)),
	                  k_add(k, x[0], bias), k_num(k, 0));
	y[0] = k_sel(k, k_gt(k, x[0], k_num(k, lambd)),
	             k_sub(k, x[0], bias), low);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_ShrinkGrad, dy[0], n->in[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Shrink = {
	.name = "Shrink", .since = 9, .min_in = 1, .max_in = 1,
	ATTRS([BIAS] = {"bias", ATTR_FLOAT, true, .f = 0},
	      [LAMBD] = {"lambd", ATTR_FLOAT, true, .f = 0.5}),
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}}},
	         {.in = {{DIMS(9)}}, .attr = {{"bias", .f = 0.7}, {"lambd", .f = 1}}}),
};

/* Expand: x stretched to the broadcast of its shape and `shape`. */
#include "ir/op.h"

enum { SHAPE };

static bool infer(Unit *u, Node *n)
{
	Shape to, whole;
	if (!infer_shape(u, n, SHAPE, &to))
		return false;
	if (!shape_broadcast(n->in[0]->shape, to, &whole)) {
		error_at(u, n->loc, "cannot expand %s to %s",
		         shape_text(u->arena, n->in[0]->shape),
		         shape_text(u->arena, to));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = whole;
	return true;
}

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = x[0];
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	dx[0] = dy[0];
}

const OpDef op_Expand = {
	.name = "Expand", .since = 8, .min_in = 1, .max_in = 1,
	ATTRS([SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(1, 3)}}, .attr = {{"shape", INTS(2, 1)}}},
	         {.in = {{DIMS(4, 1)}}, .attr = {{"shape", INTS(4, 3)}}},
	         {.in = {{DIMS(2, 1, 2)}}, .attr = {{"shape", INTS(3, 1)}}},
	         {.in = {{{0}}}, .attr = {{"shape", INTS(3)}}}),
};

/* Min: the least of its inputs. The gradient is shared equally among ties. */
#include "ir/op.h"

static void scalar(Kernel *k, const Node *n, Expr *const x[], Expr *y[])
{
	y[0] = x[0];
	for (int i = 1; i < n->nin; i++)
		y[0] = k_min(k, y[0], x[i]);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Value **in = arena_array(g->unit->arena, Value *, n->nin + 2);
	in[0] = dy[0];
	in[1] = n->out[0];
	for (int i = 0; i < n->nin; i++)
		in[2 + i] = n->in[i];
	for (int i = 0; i < n->nin; i++) {
		if (!want[i])
			continue;
		Node *e = node_new(g, n->loc, &op_MinMaxGrad, n->nin + 2, in);
		node_set_int(g, e, "which", i);
		dx[i] = node_done(g, e);
	}
}

const OpDef op_Min = {
	.name = "Min", .since = 8, .min_in = 1, .max_in = VARIADIC,
	.scalar = scalar,
	.grad = grad,
	EXAMPLES({.nin = 2, .in = {{DIMS(2, 3)}, {DIMS(2, 3)}}},
	         {.nin = 3, .in = {{DIMS(4, 1)}, {DIMS(5)}, {{0}}}},
	         {.nin = 1, .in = {{DIMS(3)}}},
	         {.nin = 2, .in = {{DIMS(9), DT_I64, -3, 3},
	                           {DIMS(9), DT_I64, -3, 3}}}),
};

/*
 * Data that the caller keeps. Examples lie in flash, or in a file: to have a
 * whole batch of them in RAM for the length of a step is a waste. So the graph
 * reads what Feed nodes copy, and these are like any other node: they are put
 * into loops over the parts of the batch, where they ask for one part; and they
 * are repeated, where that takes less memory than to keep what they gave.
 */
#include "ir/op.h"
#include "passes/train.h"

/* The caller has one example after the other, whatever the model has. */
static void bring_examples_first(Value *x)
{
	Shape s = x->shape;
	s.dim[0] = x->shape.dim[x->batch_axis];
	for (int a = 0; a < x->batch_axis; a++)
		s.dim[a + 1] = x->shape.dim[a];
	x->shape = s;
	x->batch_axis = 0;
}

/* y as the model has it: with the first axis for that one. */
static Value *as_in_model(Graph *g, Value *y, int axis)
{
	int64_t perm[MAX_RANK];
	for (int a = 0; a < y->shape.rank; a++)
		perm[a] = a < axis ? a + 1 : a == axis ? 0 : a;
	Node *t = NEW(g, y->def->loc, op_Transpose, y);
	node_set_ints(g, t, "perm", y->shape.rank, perm);
	return node_done(g, t);
}

static const int64_t *perm_of(const Node *n)
{
	return n->attr[op_attr(n->op, "perm")].ints;
}

/* Who brings the batch first again, reads y itself. */
static void spare_transposes(Graph *g, Value *y, const Value *in_model)
{
	const int64_t *perm = perm_of(in_model->def);
	for (Node *n = g->first; n; n = n->next) {
		if (n->op != &op_Transpose || n->in[0] != in_model)
			continue;
		bool same = true;
		for (int a = 0; a < y->shape.rank; a++)
			same &= perm[perm_of(n)[a]] == a;
		if (same)
			graph_replace(g, n->out[0], y);
	}
}

static void feed_input(Graph *g, Value *x)
{
	int axis = x->batch_axis;
	bring_examples_first(x);
	g->at = g->first;
	Value *y = APPLY(g, ((Loc){x->name, "Feed"}), op_Feed, x);
	Value *z = axis ? as_in_model(g, y, axis) : y;
	g->at = NULL;
	y->name = arena_printf(g->unit->arena, "%s/fed", x->name);
	y->memory = MEM_IO;
	graph_replace(g, x, z);
	y->def->in[0] = x;
	g->facts = 0;
	if (!axis)
		return;
	spare_transposes(g, y, z);
	graph_have(g, FACT_USES);
	graph_drop_unread(g);
}

void keep_inputs(Graph *g)
{
	for (int i = 0; i < g->ninputs; i++)
		g->input[i]->fed = value_is_data(g->input[i]);
}

void feed_inputs(Graph *g)
{
	keep_inputs(g);
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->fed)
			feed_input(g, g->input[i]);
}

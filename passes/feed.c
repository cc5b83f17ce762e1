/*
 * Data that the caller keeps. Examples lie in flash, or in a file: to have a
 * whole batch of them in RAM for the length of a step is a waste. So the graph
 * reads what Feed nodes copy, and these are like any other node: they are put
 * into loops over the parts of the batch, where they ask for one part; and they
 * are repeated, where that takes less memory than to keep what they gave.
 */
#include "ir/op.h"
#include "passes/train.h"

static void feed_input(Graph *g, Value *x)
{
	g->at = g->first;
	Value *y = APPLY(g, ((Loc){x->name, "Feed"}), op_Feed, x);
	g->at = NULL;
	y->name = arena_printf(g->unit->arena, "%s/fed", x->name);
	y->memory = MEM_IO;
	graph_replace(g, x, y);
	y->def->in[0] = x;
	g->facts = 0;
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

/*
 * Recurrences with the batch first. As ONNX has them, time is the first axis of
 * what they read and write, and nothing of it comes in parts where the batch
 * does. Here they get the other layout (ir/recurrence.h), between Transposes:
 * where the data have the batch first, and were transposed for the recurrence,
 * the sink pass merges these away.
 *
 * Only for functions that run in parts. A whole batch is better off with time
 * first: a step's states can lie over the gates of the steps before.
 */
#include "ir/op.h"
#include "ir/recurrence.h"
#include "passes/pass.h"

static Value *swapped(Graph *g, Loc loc, Value *x)
{
	static const int64_t perm[] = {1, 0, 2};
	Node *t = node_new(g, loc, &op_Transpose, 1, &x);
	node_set_ints(g, t, "perm", 3, perm);
	return node_done(g, t);
}

static void turn(Graph *g, Node *n, int states)
{
	g->at = n;
	Node *r = node_new(g, n->loc, n->op, n->nin, n->in);
	node_copy_attrs(g, r, n);
	node_set_int(g, r, "layout", 1);
	r->in[0] = swapped(g, n->loc, n->in[0]);
	node_set_outputs(g, r, n->nout);
	node_done(g, r);
	for (int o = 0; o < n->nout; o++)
		graph_replace(g, n->out[o],
		              o == states ? swapped(g, n->loc, r->out[o])
		                          : r->out[o]);
	g->at = NULL;
	graph_remove(g, n);
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	(void)o;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		int states = recurrence_states_output(n);
		if (states < 0 || attr_int(n, RECURRENCE_LAYOUT))
			continue;
		turn(g, n, states);
		changed = true;
	}
	return changed;
}

const Pass pass_batch_first = {
	"batch-first", "bring the batch of recurrences first, to divide it",
	.run = run,
};

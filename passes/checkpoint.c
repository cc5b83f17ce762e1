/*
 * What a segment of a recurrence (segment.c) has for its gradient is computed
 * again, from the states that the segment before ended in, in front of the first
 * node of the backward pass that reads it. The bits are the same. The last
 * segment's gradient is due first: it is kept.
 */
#include "ir/op.h"
#include "ir/recurrence.h"
#include "passes/pass.h"
#include "passes/train.h"

enum { Z, H0 = 3 };

/* Does the next segment begin where this one ends? */
static bool has_next(const Node *n)
{
	for (const Node *m = n->next; m; m = m->next)
		if (m->op == n->op && recurrence_in(m, H0) == n->out[0])
			return true;
	return false;
}

/* The states at its end are kept. */
static bool gives_again(const Node *n, const Value *v)
{
	for (int o = recurrence_states_output(n); o < n->nout; o++)
		if (n->out[o] == v)
			return true;
	return false;
}

static bool reads_again(const Node *reader, const Node *n)
{
	for (int i = 0; i < reader->nin; i++)
		if (reader->in[i] && gives_again(n, reader->in[i]))
			return true;
	return false;
}

static Node *first_reader(const Node *n, const Node *loss)
{
	for (Node *m = loss->next; m; m = m->next)
		if (reads_again(m, n))
			return m;
	return NULL;
}

static Node *repeat(Graph *g, const Node *n, Value *first)
{
	Node *again = node_new(g, n->loc, n->op, n->nin, n->in);
	node_copy_attrs(g, again, n);
	again->in[Z] = first;
	node_set_outputs(g, again, n->nout);
	node_done(g, again);
	again->again = n->id;
	for (int o = 0; o < n->nout; o++)
		value_serve(again->out[o], n->out[o]);
	return again;
}

/* The gates' inputs, by the product that gives them. */
static Value *repeat_inputs(Graph *g, Value *z)
{
	const Node *n = z->def;
	if (!n || !(n->op->view || n->op == &op_Gemm))
		return z;
	Value *x = n->op->view ? repeat_inputs(g, n->in[0]) : n->in[0];
	return x == n->in[0] && n->op->view ? z : repeat(g, n, x)->out[0];
}

static void read_again(Node *from, const Node *n, const Node *again)
{
	int first = recurrence_states_output(n);
	for (Node *m = from; m; m = m->next)
		for (int i = 0; i < m->nin; i++)
			for (int o = first; o < n->nout; o++)
				if (m->in[i] == n->out[o])
					m->in[i] = again->out[o];
}

/* Nodes of the backward pass alone wanted these. */
static void keep_less(const Graph *g, Node *n)
{
	while (n->nout > n->op->min_out && !n->out[n->nout - 1]->nuses)
		n->nout--;
}

static bool compute_again(Graph *g, Node *n, const Node *loss)
{
	Node *reader = has_next(n) ? first_reader(n, loss) : NULL;
	if (!reader)
		return false;
	g->at = reader;
	Node *again = repeat(g, n, repeat_inputs(g, n->in[Z]));
	g->at = NULL;
	read_again(reader, n, again);
	return true;
}

/* From the last layer to the first: of what one is computed again from, the one
 * below may be computed again. */
static bool run(Graph *g, const Options *o)
{
	const Node *loss = o->segment ? loss_node(g) : NULL;
	bool changed = false;
	for (Node *n = g->last, *prev; n && loss; n = prev) {
		prev = n->prev;
		if (recurrence_states_output(n) >= 0 && n->again < 0)
			changed |= compute_again(g, n, loss);
	}
	if (changed) {
		g->facts = 0;
		graph_have(g, FACT_USES);
	}
	for (Node *n = g->first; n && changed; n = n->next)
		if (recurrence_states_output(n) >= 0 && n->again < 0)
			keep_less(g, n);
	return changed;
}

const Pass pass_checkpoint = {
	"checkpoint", "keep the states between segments of time alone",
	.run = run,
};

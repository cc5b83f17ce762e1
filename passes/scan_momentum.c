#include "passes/scan_momentum.h"

#include "ir/op.h"

/* Inputs of MomentumUpdate. */
enum { W, G, BUF, LR, MOMENTUM, DAMPENING, DECAY, STEP };

/* Nobody else may see the buffer change. */
static bool may_split(const Node *n)
{
	const Value *buf = n->in[BUF];
	int nesterov = op_attr(n->op, "nesterov");
	return buf->kind == V_VARIABLE && n->out[1]->var == buf->var &&
	       n->in[G]->nuses == 1 && buf->nuses == 1 &&
	       n->out[1]->nuses == 0 && !attr_int(n, nesterov);
}

Node **momentum_readers(Arena *a, const Graph *g)
{
	Node **reader = arena_array(a, Node *, g->nvalues);
	for (Node *n = g->first; n; n = n->next)
		if (n->op == &op_MomentumUpdate && may_split(n))
			reader[n->in[G]->id] = n;
	return reader;
}

static Node *adding_node(Graph *g, const Node *n)
{
	Node *add = NEW(g, n->loc, op_MomentumAccumulate, n->in[BUF], n->in[G],
	                n->in[W], n->in[MOMENTUM], n->in[DAMPENING],
	                n->in[DECAY], n->in[STEP]);
	add->id = g->nnodes++;
	add->nout = 1;
	add->out = &n->out[1];
	add->out[0]->def = add;
	add->out[0]->nuses = 1;
	return add;
}

Node *momentum_split(Graph *g, Value *grad, Node *reader)
{
	Node *add = adding_node(g, reader);
	Node *after = NEW(g, reader->loc, op_SGDUpdate, reader->in[W],
	                  add->out[0], reader->in[LR]);
	reader->op = after->op;
	reader->attr = after->attr;
	reader->nin = after->nin;
	reader->in = after->in;
	reader->nout = 1;
	return add;
}

/*
 * Recomputation of cheap values. What the backward pass reads of the forward
 * one lives from one to the other. A value that a few operations per element
 * give back, from values that are there anyway, is computed a second time where
 * the backward pass first wants it, with the same bits, and its memory is free
 * in between (the elementwise part of what checkpointing does: Chen et al.,
 * "Training Deep Nets with Sublinear Memory Cost", 2016).
 */
#include "ir/op.h"
#include "passes/pass.h"
#include "passes/train.h"

#include <limits.h>
#include <string.h>

enum {
	CHEAP_FLOPS = 24,   /* per element of the result */
	MAX_DEPTH = 8,      /* of what is recomputed for one value */
	MIN_BYTES = 256,    /* less is not worth a kernel */
};

typedef struct User {
	Node *node;
	struct User *next;
} User;

typedef struct Recompute {
	Graph *g;
	Arena *scratch;
	int *position;      /* by node id, of the nodes that were there first */
	int loss;           /* position of the loss: the backward pass follows */
	User **users;       /* by value id */
	bool *cheap;        /* by node id */
	Value **copy;       /* by value id: its second computation, if any */
	int *copied_at;     /* and the position that it is before */
	int *replaced;      /* by variable id: the position of what does it */
	const Value *longer;   /* lives on instead of what is recomputed; or NULL */
	int nvalues, nnodes;
} Recompute;

static bool is_cheap(Arena *scratch, const Node *n)
{
	int64_t elements = 0;
	for (int o = 0; o < n->nout; o++) {
		MemoryClass m = n->out[o]->memory;
		if (n->out[o]->var || (m != MEM_ACTIVATION && m != MEM_IO))
			return false;
		elements += numel(n->out[o]->shape);
	}
	return kernel_cost(kernel_of(scratch, n)).flops <=
	       CHEAP_FLOPS * elements;
}

static void add_user(Recompute *r, const Value *v, Node *n)
{
	User *u = arena_new(r->scratch, User);
	*u = (User){n, r->users[v->id]};
	r->users[v->id] = u;
}

/* Position of the last node that reads v as the graph is now; -1: none. */
static int last_use(const Recompute *r, const Value *v)
{
	int last = -1;
	for (const User *u = r->users[v->id]; u; u = u->next)
		for (int i = 0; i < u->node->nin; i++)
			if (u->node->in[i] == v && r->position[u->node->id] > last)
				last = r->position[u->node->id];
	return last;
}

/* Is v in memory at the position, whatever is done to other values? */
static bool available(const Recompute *r, const Value *v, int position)
{
	if (v == r->longer)
		return true;
	if (v->kind == V_VARIABLE)
		return r->replaced[v->var->id] >= position;
	if (v->kind != V_RESULT)
		return v->kind != V_INPUT || v->role != IN_DATA || v->fed ||
		       last_use(r, v) >= position;
	return v->id < r->nvalues && last_use(r, v) >= position;
}

/* Can v be had at the position from what is available there? */
static bool obtainable(const Recompute *r, const Value *v, int position,
                       int depth)
{
	if (available(r, v, position))
		return true;
	if (v->kind != V_RESULT || v->id >= r->nvalues || depth == 0)
		return false;
	if (r->copy[v->id] && r->copied_at[v->id] <= position)
		return true;
	const Node *n = v->def;
	if (!r->cheap[n->id])
		return false;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && !obtainable(r, n->in[i], position, depth - 1))
			return false;
	return true;
}

static Value *obtain(Recompute *r, Value *v, Node *before, int position);

/* A second computation of v's node before the node at the position. */
static Value *recompute(Recompute *r, Value *v, Node *before, int position)
{
	Node *n = v->def;
	Value **in = arena_array(r->scratch, Value *, n->nin);
	for (int i = 0; i < n->nin; i++)
		in[i] = n->in[i] ? obtain(r, n->in[i], before, position) : NULL;
	r->g->at = before;
	Node *again = node_new(r->g, n->loc, n->op, n->nin, in);
	if (n->op->nattrs)
		memcpy(again->attr, n->attr,
		       sizeof(Attr) * (size_t)n->op->nattrs);
	node_set_outputs(r->g, again, n->nout);
	node_done(r->g, again);
	again->again = n->id;
	r->g->at = NULL;
	for (int o = 0; o < n->nout; o++) {
		value_serve(again->out[o], n->out[o]);
		r->copy[n->out[o]->id] = again->out[o];
		r->copied_at[n->out[o]->id] = position;
	}
	return r->copy[v->id];
}

static Value *obtain(Recompute *r, Value *v, Node *before, int position)
{
	if (available(r, v, position))
		return v;
	if (r->copy[v->id] && r->copied_at[v->id] <= position)
		return r->copy[v->id];
	return recompute(r, v, before, position);
}

/* The first reader of v in the backward pass; NULL: none. */
static Node *first_late_user(const Recompute *r, const Value *v)
{
	Node *first = NULL;
	for (const User *u = r->users[v->id]; u; u = u->next)
		if (r->position[u->node->id] > r->loss &&
		    (!first || r->position[u->node->id] <
		               r->position[first->id]))
			first = u->node;
	return first;
}

static bool is_output(const Graph *g, const Value *v)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == v)
			return true;
	return false;
}

/* What v is computed from, if it is one result, or rows of a table that numbers of
 * the caller name. */
static const Value *only_source(const Recompute *r, const Value *v)
{
	const Node *n = v->def;
	const Value *x = NULL;
	if (n->op == &op_Gather && n->in[0]->kind == V_VARIABLE &&
	    n->in[1]->kind == V_INPUT)
		return n->in[1];
	for (int i = 0; i < n->nin; i++) {
		const Value *in = n->in[i];
		if (!in || in->kind == V_CONST || in == x)
			continue;
		if (x || in->kind != V_RESULT || in->id >= r->nvalues)
			return NULL;
		x = in;
	}
	return x;
}

/* That, where it is in memory in the backward pass as well, although not as long:
 * when it lives on until v is computed again, it takes the place where v was all
 * the time. */
static const Value *lives_on(const Recompute *r, const Value *v)
{
	const Value *x = only_source(r, v);
	return x && last_use(r, x) > r->loss && value_bytes(x) <= value_bytes(v)
	       ? x : NULL;
}

/* All that v's node reads must be obtainable; v itself must not count as
 * there, which is the point. A view of what is there anyway takes no memory. */
static bool worthwhile(const Recompute *r, const Value *v, int position)
{
	const Node *n = v->def;
	if (value_bytes(v) < MIN_BYTES || !r->cheap[n->id] ||
	    r->position[n->id] > r->loss || is_output(r->g, v) ||
	    (n->op->view && available(r, n->in[0], position)))
		return false;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && !obtainable(r, n->in[i], position, MAX_DEPTH))
			return false;
	return true;
}

static bool recompute_value(Recompute *r, Value *v)
{
	Node *first = first_late_user(r, v);
	r->longer = first ? lives_on(r, v) : NULL;
	if (!first || !worthwhile(r, v, r->position[first->id]))
		return false;
	Value *again = r->copy[v->id];
	if (!again || r->copied_at[v->id] > r->position[first->id])
		again = recompute(r, v, first, r->position[first->id]);
	for (const User *u = r->users[v->id]; u; u = u->next)
		for (int i = 0; i < u->node->nin; i++)
			if (u->node->in[i] == v &&
			    r->position[u->node->id] > r->loss)
				u->node->in[i] = again;
	return true;
}

/* What is not to be kept is not to be computed again either. */
static void prepare(Recompute *r, const bool head[])
{
	Graph *g = r->g;
	int position = 0;
	r->nvalues = g->nvalues;
	r->position = arena_array(r->scratch, int, g->nnodes);
	r->cheap = arena_array(r->scratch, bool, g->nnodes);
	r->users = arena_array(r->scratch, User *, g->nvalues);
	r->copy = arena_array(r->scratch, Value *, g->nvalues);
	r->copied_at = arena_array(r->scratch, int, g->nvalues);
	r->replaced = arena_array(r->scratch, int, g->model->nvars + 1);
	for (int i = 0; i < g->model->nvars; i++)
		r->replaced[i] = INT_MAX;
	for (Node *n = g->first; n; n = n->next) {
		r->position[n->id] = position++;
		r->cheap[n->id] = !head[n->id] && is_cheap(r->scratch, n);
		for (int i = 0; i < n->nin; i++)
			if (n->in[i])
				add_user(r, n->in[i], n);
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				r->replaced[n->out[o]->var->id] =
					r->position[n->id];
	}
}

static bool run(Graph *g, const Options *o)
{
	Recompute r = {.g = g, .scratch = arena_create()};
	bool changed = false;
	prepare(&r, loss_head(r.scratch, g, o));
	const Node *loss = loss_node(g);
	r.loss = loss ? r.position[loss->id] : -1;
	for (Node *n = g->first; n && r.position[n->id] < r.loss; n = n->next)
		for (int i = 0; i < n->nout; i++)
			changed |= recompute_value(&r, n->out[i]);
	arena_destroy(r.scratch);
	return changed;
}

const Pass pass_recompute = {
	"recompute", "compute cheap values twice instead of keeping them",
	.run = run,
};

/*
 * Updates of several parameters by one gradient, such as that of two biases of
 * which only the sum is used, become one node: then the gradient has one reader,
 * and need not be in memory for the others (see fuse_update.c).
 */
#include "ir/op.h"
#include "passes/pass.h"

/* Such a node may be done later: nobody replaces in between what it reads. */
static bool reads_own_variables(const Node *n)
{
	for (int i = 0; i < n->nin; i++) {
		const Value *x = n->in[i] ? value_viewed(n->in[i]) : NULL;
		bool own = !x || x->kind != V_VARIABLE;
		for (int o = 0; !own && o < n->nout; o++)
			own = n->out[o]->var == x->var;
		if (!own)
			return false;
	}
	return true;
}

/* Is it elementwise, of one shape but for scalars, and is it all about the new
 * contents of variables? */
static bool is_update(const Node *n)
{
	if (!n->op->scalar && n->op != &op_Fused)
		return false;
	for (int o = 0; o < n->nout; o++)
		if (!n->out[o]->var || n->out[o]->nuses ||
		    !shape_equal(n->out[o]->shape, n->out[0]->shape))
			return false;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && n->in[i]->shape.rank &&
		    !shape_equal(n->in[i]->shape, n->out[0]->shape))
			return false;
	return reads_own_variables(n);
}

/* The result that n shares with other updates, and nothing else reads; NULL:
 * none. `readers`: by value id, how many updates read it. */
static Value *shared_gradient(const Node *n, const int readers[])
{
	for (int i = 0; i < n->nin; i++) {
		Value *v = n->in[i];
		if (v && v->kind == V_RESULT && v->shape.rank &&
		    readers[v->id] > 1 && readers[v->id] == v->nuses)
			return v;
	}
	return NULL;
}

static void add_inputs(Node *n, const Node *from)
{
	for (int i = 0; i < from->nin; i++) {
		bool known = !from->in[i];
		for (int k = 0; k < n->nin; k++)
			known |= n->in[k] == from->in[i];
		if (!known)
			n->in[n->nin++] = from->in[i];
	}
}

static void add_members(Node *n, Node *from)
{
	if (!from->nbody)
		n->body[n->nbody++] = from;
	for (int b = 0; b < from->nbody; b++)
		n->body[n->nbody++] = from->body[b];
}

static int members(const Node *n)
{
	return n->nbody ? n->nbody : 1;
}

/* One node that does what both do, at the place of b, which comes later. */
static Node *join(Graph *g, Node *a, Node *b)
{
	Arena *arena = g->unit->arena;
	Node *n = node_new(g, b->loc, &op_Fused, 0, NULL);
	n->in = arena_array(arena, Value *, a->nin + b->nin);
	n->body = arena_array(arena, Node *, members(a) + members(b));
	n->out = arena_array(arena, Value *, a->nout + b->nout);
	n->nout = 0;
	add_inputs(n, a);
	add_inputs(n, b);
	add_members(n, a);
	add_members(n, b);
	for (int o = 0; o < a->nout + b->nout; o++) {
		Value *v = o < a->nout ? a->out[o] : b->out[o - a->nout];
		n->out[n->nout++] = v;
		v->def = n;
	}
	n->id = b->id;
	n->prev = b;
	n->next = b->next;
	b->next = n;
	*(n->next ? &n->next->prev : &g->last) = n;
	for (int i = 0; i < n->nin; i++)
		n->in[i]->nuses++;
	graph_remove(g, a);
	graph_remove(g, b);
	return n;
}

static bool run(Graph *g, const Options *o)
{
	Arena *scratch = arena_create();
	int *readers = arena_array(scratch, int, g->nvalues + 1);
	Node **first = arena_array(scratch, Node *, g->nvalues + 1);
	bool changed = false;
	for (const Node *n = g->first; n; n = n->next)
		for (int i = 0; i < n->nin && is_update(n); i++)
			if (n->in[i])
				readers[n->in[i]->id]++;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		Value *v = is_update(n) ? shared_gradient(n, readers) : NULL;
		if (!v)
			continue;
		changed |= first[v->id] != NULL;
		first[v->id] = first[v->id] ? join(g, first[v->id], n) : n;
	}
	arena_destroy(scratch);
	return changed;
}

const Pass pass_join_updates = {
	"join-updates", "update parameters that share a gradient at once",
	.needs = FACT_USES, .run = run,
};

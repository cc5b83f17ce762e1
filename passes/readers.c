#include "passes/readers.h"

#include "ir/op.h"

#include <string.h>

static void *larger(Arena *a, const void *old, int n, int more, size_t size)
{
	void *to = arena_calloc(a, (size_t)more, size);
	if (n)
		memcpy(to, old, (size_t)n * size);
	return to;
}

static void make_room(Readers *r, const Graph *g)
{
	int nodes = 2 * g->nnodes + 1, values = 2 * g->nvalues + 1;
	if (g->nvalues > r->nvalues) {
		r->of = larger(r->arena, r->of, r->nvalues, values,
		               sizeof *r->of);
		r->nvalues = values;
	}
	if (g->nnodes > r->nnodes) {
		r->position = larger(r->arena, r->position, r->nnodes, nodes,
		                     sizeof *r->position);
		r->there = larger(r->arena, r->there, r->nnodes, nodes,
		                  sizeof *r->there);
		r->nnodes = nodes;
	}
}

static bool seen_before(const Node *n, int i)
{
	const Value *root = value_viewed(n->in[i]);
	for (int k = 0; k < i; k++)
		if (n->in[k] && value_viewed(n->in[k]) == root)
			return true;
	return false;
}

static void enter(Readers *r, Node *n, int position)
{
	r->there[n->id] = true;
	r->position[n->id] = position;
	for (int i = 0; i < n->nin; i++) {
		if (!n->in[i] || seen_before(n, i))
			continue;
		const Value *root = value_viewed(n->in[i]);
		Reader *e = arena_new(r->arena, Reader);
		*e = (Reader){n, r->of[root->id]};
		r->of[root->id] = e;
		if (root->kind == V_VARIABLE)
			r->variable[root->var->id] = (Value *)root;
	}
}

Readers *readers_create(Arena *a, const Graph *g)
{
	Readers *r = arena_new(a, Readers);
	int position = 0;
	r->arena = a;
	r->variable = arena_array(a, Value *, g->model->nvars + 1);
	make_room(r, g);
	for (Node *n = g->first; n; n = n->next)
		enter(r, n, ++position);
	return r;
}

void readers_add(Readers *r, const Graph *g, Node *n)
{
	make_room(r, g);
	enter(r, n, n->prev ? r->position[n->prev->id] : 0);
}

void readers_remove(Readers *r, const Node *n)
{
	r->there[n->id] = false;
}

const Reader *readers_from(const Readers *r, const Reader *e)
{
	while (e && !r->there[e->node->id])
		e = e->next;
	return e;
}

const Reader *readers_of(const Readers *r, const Value *root)
{
	return root->id < r->nvalues ? readers_from(r, r->of[root->id]) : NULL;
}

const Reader *readers_of_variable(const Readers *r, const Variable *v)
{
	return r->variable[v->id] ? readers_of(r, r->variable[v->id]) : NULL;
}

bool readers_precede(const Readers *r, const Node *a, const Node *b)
{
	int at = r->position[a->id];
	if (at != r->position[b->id])
		return at < r->position[b->id];
	do
		a = a->next;
	while (a && a != b && r->position[a->id] == at);
	return a == b;
}

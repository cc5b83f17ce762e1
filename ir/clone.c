/* Copies of graphs: one function of the model made from another. */
#include "ir/graph.h"
#include "ir/op.h"

#include <string.h>

typedef struct Copy {
	Graph *to;
	Value **map;   /* from the old values' ids */
} Copy;

static Value *copy_value(Copy *c, const Value *old)
{
	if (!old)
		return NULL;
	if (c->map[old->id])
		return c->map[old->id];
	Value *v = arena_new(c->to->unit->arena, Value);
	*v = *old;
	v->def = NULL;
	c->map[old->id] = v;
	return v;
}

static Node *copy_node(Copy *c, const Node *old)
{
	Arena *a = c->to->unit->arena;
	Node *n = arena_new(a, Node);
	*n = *old;
	n->prev = n->next = NULL;
	n->in = arena_array(a, Value *, n->nin);
	for (int i = 0; i < n->nin; i++)
		n->in[i] = copy_value(c, old->in[i]);
	n->out = arena_array(a, Value *, n->nout);
	for (int o = 0; o < n->nout; o++) {
		n->out[o] = copy_value(c, old->out[o]);
		n->out[o]->def = n;
	}
	n->attr = arena_array(a, Attr, n->op->nattrs);
	if (n->op->nattrs)
		memcpy(n->attr, old->attr,
		       sizeof(Attr) * (size_t)n->op->nattrs);
	n->body = arena_array(a, Node *, n->nbody);
	for (int b = 0; b < n->nbody; b++)
		n->body[b] = copy_node(c, old->body[b]);
	/* A fused node's own outputs are its members': the node owns them. */
	for (int o = 0; o < n->nout; o++)
		n->out[o]->def = n;
	return n;
}

static void copy_list(Copy *c, const Graph *g)
{
	for (const Node *old = g->first; old; old = old->next) {
		Node *n = copy_node(c, old);
		n->prev = c->to->last;
		*(n->prev ? &n->prev->next : &c->to->first) = n;
		c->to->last = n;
	}
}

Graph *graph_clone(const Graph *g, const char *name, Value ***map)
{
	Graph *to = graph_create(g->model, name);
	Arena *a = g->unit->arena;
	Copy c = {to, arena_array(a, Value *, g->nvalues)};
	to->nnodes = g->nnodes;
	to->nvalues = g->nvalues;
	to->ninputs = g->ninputs;
	to->input = arena_array(a, Value *, 2 * (g->ninputs + 1));
	for (int i = 0; i < g->ninputs; i++)
		to->input[i] = copy_value(&c, g->input[i]);
	to->nvarvalues = g->nvarvalues;
	to->varvalue = arena_array(a, Value *, 2 * (g->nvarvalues + 1));
	for (int i = 0; i < g->nvarvalues; i++)
		to->varvalue[i] = copy_value(&c, g->varvalue[i]);
	copy_list(&c, g);
	to->noutputs = g->noutputs;
	to->output = arena_array(a, Output, 2 * (g->noutputs + 1));
	for (int i = 0; i < g->noutputs; i++) {
		to->output[i] = g->output[i];
		to->output[i].value = copy_value(&c, g->output[i].value);
	}
	if (map)
		*map = c.map;
	return to;
}

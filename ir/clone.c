/* Copies of graphs: one function of the model made from another, a graph whose
 * nodes run in another order, some more than once, and one with its model. */
#include "ir/graph.h"
#include "ir/op.h"

#include <string.h>

typedef struct Copy {
	Graph *to;
	Value **map;   /* from the old values' ids */
	bool repeat;   /* what is copied has been copied before: new ids */
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
	if (c->repeat) {
		v->id = c->to->nvalues++;
		v->name = arena_printf(c->to->unit->arena, "_%d", v->id);
	}
	return v;
}

static Node *copy_node(Copy *c, const Node *old)
{
	Arena *a = c->to->unit->arena;
	Node *n = arena_new(a, Node);
	*n = *old;
	n->prev = n->next = NULL;
	if (c->repeat) {
		n->id = c->to->nnodes++;
		n->again = old->again < 0 ? old->id : old->again;
	}
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

/* What the node computes is computed anew: its readers are to find that. */
static void forget_results(Copy *c, const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		c->map[n->out[o]->id] = NULL;
	for (int b = 0; b < n->nbody; b++)
		forget_results(c, n->body[b]);
}

static void copy_list(Copy *c, const Graph *g, int n, Node *const order[])
{
	bool *seen = arena_array(c->to->unit->arena, bool, g->nnodes);
	for (int i = 0; i < n; i++) {
		c->repeat = seen[order[i]->id];
		seen[order[i]->id] = true;
		if (c->repeat)
			forget_results(c, order[i]);
		Node *node = copy_node(c, order[i]);
		node->prev = c->to->last;
		*(node->prev ? &node->prev->next : &c->to->first) = node;
		c->to->last = node;
	}
	c->repeat = false;
}

static Graph *copy_graph(const Graph *g, const char *name, int n,
                         Node *const order[], Value ***map)
{
	Graph *to = graph_create(g->model, name);
	Arena *a = g->unit->arena;
	Copy c = {to, arena_array(a, Value *, g->nvalues), false};
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
	copy_list(&c, g, n, order);
	for (int i = 0; i < g->ninputs; i++)
		to->input[i]->total = copy_value(&c, g->input[i]->total);
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

Graph *graph_clone(const Graph *g, const char *name, Value ***map)
{
	int n = 0;
	for (const Node *node = g->first; node; node = node->next)
		n++;
	Node **order = arena_array(g->unit->arena, Node *, n + 1);
	n = 0;
	for (Node *node = g->first; node; node = node->next)
		order[n++] = node;
	return copy_graph(g, name, n, order, map);
}

Graph *graph_arrange(const Graph *g, int n, Node *const order[])
{
	return copy_graph(g, g->name, n, order, NULL);
}

/* ---- with the model ---- */

static Model *copy_model(const Model *m)
{
	Model *to = model_create(m->unit, m->name);
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		*model_variable(to, v->name, v->role, v->dtype, v->shape) = *v;
	}
	return to;
}

static void rebind_outputs(const Node *n, const Model *m)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->var)
			n->out[o]->var = m->var[n->out[o]->var->id];
	for (int b = 0; b < n->nbody; b++)
		rebind_outputs(n->body[b], m);
}

Graph *graph_detach(const Graph *g)
{
	Graph *to = graph_clone(g, g->name, NULL);
	const Model *m = to->model = copy_model(g->model);
	for (int i = 0; i < to->nvarvalues; i++)
		to->varvalue[i]->var = m->var[to->varvalue[i]->var->id];
	for (const Node *n = to->first; n; n = n->next)
		rebind_outputs(n, m);
	return to;
}

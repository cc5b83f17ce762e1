/*
 * Walk the forward nodes backwards; every operator contributes only its local
 * rule (OpDef.grad). This file owns what all rules share: which values need a
 * gradient at all, adding up the gradients of a value used more than once, and
 * undoing broadcasts.
 */
#include "passes/autodiff.h"

#include "ir/op.h"
#include "ir/table.h"
#include "passes/names.h"

#include <string.h>

/* A value needs a gradient if it is wanted or computed from one that does. */
static bool *find_needed(Graph *g, const bool *wanted)
{
	bool *need = arena_array(g->unit->arena, bool, g->nvalues);
	memcpy(need, wanted, sizeof(bool) * (size_t)g->nvalues);
	for (Node *n = g->first; n; n = n->next) {
		bool any = false;
		for (int i = 0; i < n->nin && !n->op->stops; i++)
			any |= n->in[i] && need[n->in[i]->id];
		for (int o = 0; o < n->nout; o++)
			if (dtype_is_float(n->out[o]->dtype))
				need[n->out[o]->id] |= any;
	}
	return need;
}

/* Undoes the broadcast of x to dx's shape, and adds dx to what is there. */
static void add_gradient(Graph *g, Loc loc, Value **sum, const Value *x,
                         Value *dx)
{
	if (!shape_equal(dx->shape, x->shape)) {
		Node *n = NEW(g, loc, op_SumTo, dx);
		node_set_ints(g, n, "shape", x->shape.rank, x->shape.dim);
		dx = node_done(g, n);
	}
	*sum = *sum ? APPLY(g, loc, op_Add, *sum, dx) : dx;
}

static void differentiate_node(Graph *g, Node *n, Value **grad,
                               const bool *need)
{
	Arena *a = g->unit->arena;
	Value **dy = arena_array(a, Value *, n->nout);
	Value **dx = arena_array(a, Value *, n->nin);
	bool *want = arena_array(a, bool, n->nin);
	bool reached = false, wanted = false;
	for (int o = 0; o < n->nout; o++) {
		dy[o] = grad[n->out[o]->id];
		reached |= dy[o] != NULL;
	}
	for (int i = 0; i < n->nin; i++) {
		want[i] = n->in[i] && need[n->in[i]->id];
		wanted |= want[i];
	}
	if (!reached || !wanted || n->op->stops)
		return;
	if (!n->op->grad) {
		error_at(g->unit, n->loc, "has no gradient, but parameters "
		         "before it train; freeze them, or replace it");
		return;
	}
	n->op->grad(g, n, dy, want, dx);
	for (int i = 0; i < n->nin; i++)
		if (want[i] && dx[i])
			add_gradient(g, n->loc, &grad[n->in[i]->id], n->in[i],
			             dx[i]);
}

/* The gradient of x is "grad_x", unless the model has that name. */
static void name_gradient(Graph *g, Table *taken, const Value *x, Value *dx)
{
	if (!dx || !name_is_made_up(dx->name) || name_is_made_up(x->name))
		return;
	const char *name = arena_printf(g->unit->arena, "grad_%s", x->name);
	if (table_add(taken, name, dx))
		dx->name = name;
}

/* Of all values that were there before the first gradient. */
static void name_gradients(Graph *g, Value *const grad[], int nvalues)
{
	Table *taken = table_create(g->unit->arena);
	names_take(taken, g);
	for (Node *n = g->first; n; n = n->next)
		for (int i = 0; i < n->nin; i++) {
			const Value *x = n->in[i];
			if (x && x->id < nvalues)
				name_gradient(g, taken, x, grad[x->id]);
		}
}

Value **differentiate(Graph *g, Value *const of[], Value *const seed[], int n,
                      const bool *wanted)
{
	bool *need = find_needed(g, wanted);
	int nvalues = g->nvalues;
	Value **grad = arena_array(g->unit->arena, Value *, nvalues);
	for (int i = 0; i < n; i++)
		grad[of[i]->id] = seed[i];
	/* Rules may insert nodes only at the end, behind the walk. */
	for (Node *node = g->last; node; node = node->prev)
		differentiate_node(g, node, grad, need);
	name_gradients(g, grad, nvalues);
	return grad;
}

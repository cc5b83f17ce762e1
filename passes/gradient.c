/*
 * The Gradient nodes of the file's own training step become the backward pass.
 * A later one may be of an earlier one's result, so they go in order.
 */
#include "ir/op.h"
#include "passes/autodiff.h"
#include "passes/train.h"

#include <string.h>

static Value *filled(Graph *g, DType t, Shape s, double x)
{
	int64_t n = numel(s);
	char *data = arena_alloc(g->unit->arena,
	                         (size_t)(n * dtype_size(t)) + 1);
	for (int64_t i = 0; i < n; i++)
		dtype_put(t, data, i, (Scalar){.f = x});
	return graph_const(g, NULL, t, s, data);
}

/* Where nothing flows, it is zero. */
static Value *zero(Graph *g, const Node *n, const Value *x)
{
	warn_at(g->unit, n->loc, "no gradient reaches '%s'; it is zero",
	        x->kind == V_VARIABLE ? x->var->name : x->name);
	return filled(g, x->dtype, x->shape, 0);
}

static bool expand(Graph *g, Node *n, Value **grad)
{
	int before = g->unit->nerrors;
	Value *y = n->in[0], *one = filled(g, y->dtype, y->shape, 1);
	bool *wanted = arena_array(g->unit->arena, bool, g->nvalues);
	for (int i = 1; i < n->nin; i++)
		wanted[n->in[i]->id] = true;
	g->at = n;
	Value **all = differentiate(g, &y, &one, 1, wanted);
	g->at = NULL;
	if (g->unit->nerrors != before)
		return false;
	for (int o = 0; o < n->nout; o++) {
		const Value *x = n->in[1 + o];
		Value *dx = all[x->id] ? all[x->id] : zero(g, n, x);
		dx->memory = MEM_GRADIENT;
		if (x->kind == V_VARIABLE && !grad[x->var->id])
			grad[x->var->id] = dx;
		graph_replace(g, n->out[o], dx);
	}
	graph_remove(g, n);
	return true;
}

Value **expand_gradients(Graph *g)
{
	Value **grad = arena_array(g->unit->arena, Value *,
	                           g->model->nvars + 1);
	/* One that the function has no use for may be of what has none. */
	if (graph_count(g, &op_Gradient))
		graph_drop_unread(g);
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		if (n->op == &op_Gradient && !expand(g, n, grad))
			return NULL;
	}
	return grad;
}

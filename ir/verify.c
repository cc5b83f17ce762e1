#include "ir/verify.h"

#include "ir/op.h"
#include "ir/scan.h"

#include <stdlib.h>
#include <string.h>

typedef struct Check {
	const Graph *g;
	Arena *scratch;
	bool *defined;      /* by value id */
	bool *replaced;     /* by variable id */
	const Value **all;  /* by value id: names, and ids used twice */
} Check;

static void note(Check *c, const Value *v)
{
	if (v->id < 0 || v->id >= c->g->nvalues)
		BUG("%%%s has id %d of %d", v->name, v->id, c->g->nvalues);
	if (c->all[v->id] && c->all[v->id] != v)
		BUG("%%%s and %%%s share id %d", v->name, c->all[v->id]->name,
		    v->id);
	c->all[v->id] = v;
}

static void check_read(Check *c, const Node *n, const Value *v)
{
	note(c, v);
	if (v->kind == V_RESULT && !c->defined[v->id])
		BUG("%s '%s' reads %%%s before it is defined", n->op->name,
		    n->loc.node, v->name);
	if (v->kind == V_VARIABLE && c->replaced[v->var->id])
		BUG("%s '%s' reads variable '%s' after it was replaced",
		    n->op->name, n->loc.node, v->var->name);
	if (v->kind == V_CONST && !v->data && numel(v->shape))
		BUG("constant %%%s has no data", v->name);
}

static void check_replacement(Check *c, const Node *n, const Value *v)
{
	const Variable *var = v->var;
	if (!var)
		return;
	if (!var->mutable)
		BUG("'%s' writes variable '%s', which is constant",
		    n->loc.node, var->name);
	if (c->replaced[var->id])
		BUG("variable '%s' is replaced twice", var->name);
	if (v->dtype != var->dtype || numel(v->shape) != numel(var->shape))
		BUG("variable '%s' is replaced by %%%s of another size",
		    var->name, v->name);
	c->replaced[var->id] = true;
}

static void define(Check *c, const Node *n, const Value *v)
{
	note(c, v);
	if (c->defined[v->id])
		BUG("%%%s is defined twice", v->name);
	if (v->kind != V_RESULT)
		BUG("%s '%s' defines %%%s, which is no result", n->op->name,
		    n->loc.node, v->name);
	c->defined[v->id] = true;
}

/* The operator must infer what the values say. Extra outputs (statistics,
 * workspace) are the pass's own: only those that infer fills are compared. */
static void check_types(Check *c, const Node *n)
{
	Value *copies = arena_array(c->scratch, Value, n->nout);
	Node again = *n;
	Unit u = *c->g->unit;
	u.arena = c->scratch;
	again.out = arena_array(c->scratch, Value *, n->nout);
	for (int o = 0; o < n->nout; o++) {
		copies[o] = *n->out[o];
		again.out[o] = &copies[o];
	}
	if (!op_infer(&u, &again))
		BUG("%s '%s' no longer infers", n->op->name, n->loc.node);
	for (int o = 0; o < n->nout; o++)
		if (copies[o].dtype != n->out[o]->dtype ||
		    !shape_equal(copies[o].shape, n->out[o]->shape))
			BUG("%s '%s': output %d is %s%s, its operator says %s%s",
			    n->op->name, n->loc.node, o,
			    dtype_name(n->out[o]->dtype),
			    shape_text(c->scratch, n->out[o]->shape),
			    dtype_name(copies[o].dtype),
			    shape_text(c->scratch, copies[o].shape));
}

/* Member b of n is not elementwise. */
static bool may_be_fused(const Node *n, int b)
{
	const OpDef *op = n->body[b]->op;
	return op_fuses_gradients(n->op) &&
	       (b < fused_update_gradients(n) || op->view ||
	        fused_conv_grad_has(n, op) ||
	        (op->update_rows && b == n->nbody - 1));
}

static void check_node(Check *c, const Node *n)
{
	if (n->next ? n->next->prev != n : c->g->last != n)
		BUG("the node list is broken at '%s'", n->loc.node);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			check_read(c, n, n->in[i]);
	if (n->scan)
		graph_verify(n->scan->graph);
	for (int b = 0; b < n->nbody && !n->scan; b++) {
		if (!n->body[b]->op->scalar && !may_be_fused(n, b))
			BUG("%s is fused but not elementwise",
			    n->body[b]->op->name);
		for (int i = 0; i < n->body[b]->nin; i++)
			if (n->body[b]->in[i])
				note(c, n->body[b]->in[i]);
	}
	for (int o = 0; o < n->nout; o++)
		check_replacement(c, n, n->out[o]);
	for (int o = 0; o < n->nout; o++) {
		define(c, n, n->out[o]);
		if (n->out[o]->def != n)
			BUG("%%%s does not know its node '%s'",
			    n->out[o]->name, n->loc.node);
	}
	check_types(c, n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const Value *const *)a)->name,
	              (*(const Value *const *)b)->name);
}

static void check_names(Check *c)
{
	const Value **sorted = arena_array(c->scratch, const Value *,
	                                   c->g->nvalues);
	int n = 0;
	for (int i = 0; i < c->g->nvalues; i++)
		if (c->all[i])
			sorted[n++] = c->all[i];
	qsort(sorted, (size_t)n, sizeof *sorted, by_name);
	for (int i = 1; i < n; i++)
		if (!by_name(&sorted[i - 1], &sorted[i]))
			BUG("two values are named %%%s", sorted[i]->name);
}

void graph_verify(const Graph *g)
{
	Arena *scratch = arena_create();
	Check c = {
		g, scratch, arena_array(scratch, bool, g->nvalues),
		arena_array(scratch, bool, g->model->nvars),
		arena_array(scratch, const Value *, g->nvalues),
	};
	for (int i = 0; i < g->ninputs; i++)
		note(&c, g->input[i]);
	for (const Node *n = g->first; n; n = n->next)
		check_node(&c, n);
	for (int i = 0; i < g->noutputs; i++) {
		const Value *v = g->output[i].value;
		note(&c, v);
		if (v->kind == V_RESULT && !c.defined[v->id])
			BUG("output '%s' is not computed", g->output[i].name);
	}
	check_names(&c);
	arena_destroy(scratch);
}

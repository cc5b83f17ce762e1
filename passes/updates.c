/*
 * The updates that the file's own training step binds to variables: a node's
 * result replaces the variable where it stands. A copy at the end of the step
 * does where a node behind still reads the old contents, or where the result
 * is no memory of its own.
 */
#include "ir/op.h"
#include "passes/train.h"

static Value *reading(const Graph *g, const Variable *var)
{
	for (int i = 0; i < g->nvarvalues; i++)
		if (g->varvalue[i]->var == var)
			return g->varvalue[i];
	return NULL;
}

static bool reads(const Node *n, const Value *v)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && value_viewed(n->in[i]) == v)
			return true;
	return false;
}

static bool is_read_behind(const Graph *g, const Node *n, const Variable *var)
{
	const Value *old = reading(g, var);
	for (n = n->next; old && n; n = n->next)
		if (reads(n, old))
			return true;
	return false;
}

/* May its result be the variable's new contents as it is? */
static bool stands_alone(const Graph *g, const Value *v, const Variable *var)
{
	return v->kind == V_RESULT && !v->var && !v->def->op->view &&
	       !is_read_behind(g, v->def, var);
}

/* The statistics that a normalization replaces by itself; the file knows
 * better. */
static void forget_replacement(Graph *g, const Variable *var)
{
	for (Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var == var)
				n->out[o]->var = NULL;
}

static void bind(Graph *g, Value *v, Variable *var)
{
	if (v->kind == V_RESULT && v->var == var)
		return;
	forget_replacement(g, var);
	if (!stands_alone(g, v, var))
		v = APPLY(g, ((Loc){var->name, "update"}), op_Copy, v);
	v->var = var;
	v->memory = var->role == VAR_OPTIMIZER ? MEM_OPTIMIZER : MEM_PARAMETER;
	var->mutable = true;
}

/* Keeps what a file without a step of its own would have. */
static Output *take_updates(Graph *g, int *n)
{
	Output *update = arena_array(g->unit->arena, Output, g->noutputs + 1);
	int kept = *n = 0;
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].role == OUT_UPDATE)
			update[(*n)++] = g->output[i];
		else
			g->output[kept++] = g->output[i];
	g->noutputs = kept;
	g->facts = 0;
	return update;
}

void bind_updates(Graph *g, const bool *trainable)
{
	int n;
	Output *update = take_updates(g, &n);
	for (int i = 0; i < n; i++) {
		Variable *var = model_find(g->model, update[i].name);
		if (!var)
			BUG("there is no variable '%s'", update[i].name);
		if (trainable[var->id] || var->role != VAR_PARAMETER)
			bind(g, update[i].value, var);
	}
}

/*
 * Copies where memory must differ. The caller reads outputs in the arena, so an
 * output that is a constant, a variable, or something that the context holds is
 * copied there. And a variable is replaced where it stands: if the node that
 * computes the new contents still needs the old ones after its first store, it
 * computes into the arena and a copy replaces the variable.
 */
#include "ir/kernel.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "passes/pass.h"
#include "passes/train.h"

static bool lives_in_arena(const Value *v)
{
	return value_is_given(v) || (v->kind == V_RESULT && !v->var);
}

static bool copy_outputs(Graph *g)
{
	bool changed = false;
	g->at = NULL;
	for (int i = 0; i < g->noutputs; i++) {
		Output *o = &g->output[i];
		if (lives_in_arena(o->value))
			continue;
		/* Before its variable is replaced. */
		g->at = o->value->kind == V_VARIABLE ? g->first : NULL;
		Loc loc = {o->name, "output"};
		o->value = APPLY(g, loc, op_Copy, o->value);
		changed = true;
	}
	g->at = NULL;
	if (changed)
		g->facts &= ~(unsigned)FACT_USES;
	return changed;
}

/* May the node write `out`, whose var it replaces, over the old contents? */
static bool replaces_in_place(const Node *n, const Value *out)
{
	Arena *scratch = arena_create();
	const Kernel *k = n->scan ? NULL : kernel_of(scratch, n);
	bool safe = true;
	for (int i = 0; i < n->nin && safe; i++) {
		const Value *x = n->in[i] ? value_viewed(n->in[i]) : NULL;
		if (x && x->kind == V_VARIABLE && x->var == out->var)
			safe = k ? kernel_in_place(k, n->in[i], out)
			         : scan_adds(n, n->in[i], out);
	}
	arena_destroy(scratch);
	return safe;
}

static bool copy_replacements(Graph *g)
{
	bool changed = false;
	for (Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++) {
			Value *v = n->out[o];
			if (!v->var || replaces_in_place(n, v))
				continue;
			g->at = n->next;
			Value *copy = APPLY(g, n->loc, op_Copy, v);
			copy->var = v->var;
			value_serve(copy, v);
			v->var = NULL;
			changed = true;
		}
	g->at = NULL;
	return changed;
}

static int count_shown(const Graph *g, const Value *v)
{
	int count = 0;
	for (int i = 0; i < g->noutputs; i++)
		count += value_viewed(g->output[i].value) == v;
	return count;
}

/* What inference computes is written where the caller wants it, if each of its
 * outputs has memory of its own. */
static bool give_outputs(Graph *g)
{
	bool changed = false;
	for (int i = 0; i < g->noutputs; i++) {
		const Output *o = &g->output[i];
		Value *v = o->role == OUT_DATA
			? (Value *)value_viewed(o->value) : NULL;
		if (!v || v->kind != V_RESULT || v->var ||
		    value_bytes(v) != value_bytes(o->value) ||
		    count_shown(g, v) != 1)
			continue;
		changed |= !v->fed;
		v->fed = true;
	}
	return changed;
}

static bool run(Graph *g, const Options *options)
{
	bool copied = copy_outputs(g);
	bool given = options && options->given_outputs && !loss_node(g) &&
	             give_outputs(g);
	return copy_replacements(g) || copied || given;
}

const Pass pass_outputs = {
	"outputs", "copy what must be in memory of its own",
	.required = true, .run = run,
};

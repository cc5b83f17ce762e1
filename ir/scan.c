#include "ir/scan.h"

#include "ir/op.h"
#include "ir/parts.h"

#include <string.h>

/* The graph for one part while it grows. */
typedef struct Builder {
	Graph *outer, *g;
	Node *n;              /* the Scan */
	int64_t parts;
	Value **of;           /* by outer value id: its counterpart for one part */
	bool *rows;           /* by outer value id: that is a part of it */
	Value *index;
} Builder;

static Shape part_shape(Shape s, int64_t parts)
{
	if (s.rank > 0)
		s.dim[0] /= parts;
	return s;
}

/* Names that were made up are made up anew in the graph for one part. */
static const char *outer_name(const Builder *b, const Value *v)
{
	return v->name[0] == '_' ? arena_printf(b->g->unit->arena, "outer%s",
	                                        v->name) : v->name;
}

/* Single numbers stay constants: kernels have them in their text. */
static Value *make_input(Builder *b, const Value *v, bool in_part)
{
	Graph *g = b->g;
	const char *name = outer_name(b, v);
	bool number = v->kind == V_CONST && numel(v->shape) == 1;
	Value *in = graph_input(
		g, number ? arena_printf(g->unit->arena, "%s/unused", name) : name,
		in_part ? IN_PART : IN_WHOLE, v->dtype,
		in_part ? part_shape(v->shape, b->parts) : v->shape);
	in->memory = v->memory;
	return number ? graph_const(g, name, v->dtype, v->shape, v->data) : in;
}

static bool make_inputs(Builder *b, const bool in_part[])
{
	for (int i = 0; i < b->n->nin; i++) {
		Value *v = b->n->in[i];
		if (in_part[i] && (v->shape.rank == 0 ||
		                   v->shape.dim[0] % b->parts))
			return false;
		b->rows[v->id] = in_part[i];
		b->of[v->id] = make_input(b, v, in_part[i]);
	}
	b->index = graph_input(b->g, "part", IN_INDEX, DT_I32, (Shape){0});
	return true;
}

static int output_index(const Node *n, const Value *v)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o] == v)
			return o;
	return -1;
}

/* total' = total + scale * summand, over the total. */
static Value *add_up(Builder *b, const Value *whole, Value *summand, double scale)
{
	Graph *g = b->g;
	const char *name = arena_printf(g->unit->arena, "%s/total",
	                                outer_name(b, whole));
	Value *total = graph_input(g, name, IN_SUM, summand->dtype,
	                           summand->shape);
	total->memory = whole->memory;
	Node *add = NEW(g, summand->def->loc, op_Accumulate, total, summand);
	node_set_float(g, add, "scale", scale);
	total->total = node_done(g, add);
	return total->total;
}

static bool add_member(Builder *b, const Node *m)
{
	Arena *a = b->g->unit->arena;
	bool *part = arena_array(a, bool, m->nin + 1);
	Value **in = arena_array(a, Value *, m->nin + 1);
	PartKind *kind = arena_array(a, PartKind, m->nout + 1);
	for (int i = 0; i < m->nin; i++) {
		in[i] = m->in[i] ? b->of[m->in[i]->id] : NULL;
		part[i] = m->in[i] && b->rows[m->in[i]->id];
		if (m->in[i] && !in[i])
			return false;
	}
	if (!node_parts(m, part, b->parts, kind))
		return false;
	Node *p = node_part(b->g, m, in, part, b->parts, b->index);
	for (int o = 0; o < m->nout; o++) {
		Value *v = m->out[o];
		if (v->memory == MEM_WORKSPACE)
			continue;
		p->out[o]->memory = v->memory;
		b->rows[v->id] = kind[o] == PART_ROWS;
		b->of[v->id] = kind[o] == PART_ROWS || kind[o] == PART_WHOLE
			? p->out[o] : NULL;
		int at = output_index(b->n, v);
		if (kind[o] == PART_WHOLE && at >= 0)
			return false;
		if (at < 0)
			continue;
		double scale = kind[o] == PART_MEAN ? 1 / (double)b->parts : 1;
		Output *out = &b->g->output[at];
		out->name = v->name;
		out->role = kind[o] == PART_ROWS ? OUT_ROWS : OUT_SUM;
		out->value = kind[o] == PART_ROWS ? p->out[o]
		           : add_up(b, v, p->out[o], scale);
	}
	return true;
}

bool scan_build(Graph *outer, Node *n, int64_t parts, const bool in_part[])
{
	Arena *a = outer->unit->arena;
	Scan *s = arena_new(a, Scan);
	Graph *g = graph_create(outer->model, "part");
	Builder b = {
		outer, g, n, parts, arena_array(a, Value *, outer->nvalues),
		arena_array(a, bool, outer->nvalues), NULL,
	};
	g->noutputs = n->nout;
	g->output = arena_array(a, Output, 2 * (n->nout + 1));
	if (!make_inputs(&b, in_part))
		return false;
	for (int i = 0; i < n->nbody; i++)
		if (!add_member(&b, n->body[i]))
			return false;
	for (int o = 0; o < n->nout; o++)
		if (!g->output[o].value)
			return false;
	*s = (Scan){parts, g, NULL};
	n->scan = s;
	return true;
}

int scan_input(const Node *n, const Value *base)
{
	for (int i = 0; i < n->nin; i++)
		if (n->scan->graph->input[i] == base)
			return i;
	return -1;
}

int scan_output(const Node *n, const Value *base)
{
	const Graph *g = n->scan->graph;
	for (int o = 0; o < g->noutputs; o++)
		if (g->output[o].value == base)
			return o;
	return -1;
}

/* ---- may an output be written over an input? ---- */

static bool is_in(const Plan *plan, const Value *v, const Value *base)
{
	return v && plan->place[v->id].region == REGION_OUTER &&
	       plan->place[v->id].base == base;
}

static int writing_step(const Plan *plan, const Value *v)
{
	for (int s = 0; s < plan->nsteps; s++)
		if (plan->step[s] == v->def)
			return s;
	return -1;
}

/* The step reads the input: that must be done with when `out` is written. */
static bool step_allows(const Plan *plan, int step, int writer,
                        const Value *base, const Value *out)
{
	const Node *n = plan->step[step];
	bool fits = true;
	if (step < writer || plan_skips(plan, n))
		return true;
	for (int i = 0; i < n->nin && fits; i++) {
		if (!is_in(plan, n->in[i], base))
			continue;
		Arena *scratch = arena_create();
		fits = step == writer &&
		       kernel_in_place(kernel_of(scratch, n), n->in[i], out);
		arena_destroy(scratch);
	}
	return fits;
}

bool scan_in_place(const Node *n, int i, int o)
{
	const Plan *plan = n->scan->plan;
	const Graph *g = n->scan->graph;
	if (o >= g->noutputs || g->input[i]->role != IN_PART ||
	    g->output[o].role != OUT_ROWS)
		return false;
	const Value *in = g->input[i], *out = g->output[o].value;
	if (!plan || in->dtype != out->dtype ||
	    numel(in->shape) != numel(out->shape))
		return false;
	int writer = writing_step(plan, out);
	bool fits = writer >= 0;
	for (int s = 0; s < plan->nsteps && fits; s++)
		fits = step_allows(plan, s, writer, in, out);
	return fits;
}

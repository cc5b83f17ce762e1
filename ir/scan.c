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
	Value **summand;      /* by outer value id: of what is added up, */
	double *scale;        /*   and by what it is multiplied */
	Value *index;
	bool in_order;        /* sums go on from part to part where they can */
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
	value_serve(in, v);
	return number ? graph_const(g, name, v->dtype, v->shape, v->data) : in;
}

/* Does the Scan replace what v reads? Then it adds to it. */
static bool is_replaced(const Node *n, const Value *v)
{
	for (int o = 0; o < n->nout && v->kind == V_VARIABLE; o++)
		if (n->out[o]->var == v->var)
			return true;
	return false;
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
		if (is_replaced(b->n, v))
			b->of[v->id]->role = IN_SUM;
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

/* What the parts before add up to. */
static Value *make_total(Builder *b, const Value *whole)
{
	const char *name = arena_printf(b->g->unit->arena, "%s/total",
	                                outer_name(b, whole));
	Value *total = graph_input(b->g, name, IN_SUM, whole->dtype,
	                           whole->shape);
	value_serve(total, whole);
	return total;
}

/* total' = total + scale * summand, over the total. */
static Value *add_up(Builder *b, const Value *whole)
{
	Value *summand = b->summand[whole->id];
	Graph *g = b->g;
	Value *total = make_total(b, whole);
	Node *add = NEW(g, summand->def->loc, op_Accumulate, total, summand);
	node_set_float(g, add, "scale", b->scale[whole->id]);
	total->total = node_done(g, add);
	return total->total;
}

static void set_output(Builder *b, const Value *v, OutputRole role, Value *part)
{
	int at = output_index(b->n, v);
	if (at >= 0)
		b->g->output[at] = (Output){v->name, part, role};
}

/* buf' = buf + ..., where buf is the total; or w' = w - .... The number of the
 * part is the operator's last input. */
static bool add_to_variable(Builder *b, const Node *m, const OpDef *op)
{
	int nin = op->max_in;
	Value **in = arena_array(b->g->unit->arena, Value *, nin);
	const Value *grad = m->in[1];
	for (int i = 0; i < m->nin; i++)
		in[i] = m->in[i] == grad ? b->summand[grad->id]
		      : m->in[i] ? b->of[m->in[i]->id] : NULL;
	in[nin - 1] = b->index;
	if (!in[0] || in[0]->role != IN_SUM || !in[1] || !in[2])
		return false;
	Node *add = node_new(b->g, m->loc, op, nin, in);
	node_set_float(b->g, add, "scale", b->scale[grad->id]);
	in[0]->total = node_done(b->g, add);
	value_serve(in[0]->total, m->out[0]);
	value_serve(in[0], m->out[0]);
	set_output(b, m->out[0], OUT_SUM, in[0]->total);
	return true;
}

/* The sums of p go on from the totals: in the order that they have when all parts
 * are one. */
static void go_on(Builder *b, const Node *m, Node *p)
{
	Value **from = arena_array(b->g->unit->arena, Value *, p->nout + 1);
	for (int o = 0; o < p->nout; o++)
		from[o] = make_total(b, m->out[o]);
	node_go_on(b->g, p, from);
	for (int o = 0; o < p->nout; o++) {
		value_serve(p->out[o], m->out[o]);
		from[o]->total = p->out[o];
		set_output(b, m->out[o], OUT_SUM, p->out[o]);
	}
}

/* Are its sums the Scan's, and can go on from part to part? */
static bool goes_on(const Builder *b, const Node *m, const PartKind kind[])
{
	for (int o = 0; o < m->nout; o++)
		if (m->out[o]->memory != MEM_WORKSPACE &&
		    (kind[o] != PART_SUM || output_index(b->n, m->out[o]) < 0))
			return false;
	return b->in_order && m->op->goes_on;
}

/* Until the last part it is neither the old value nor the new one. */
static bool is_sum(const Value *v)
{
	return v->kind == V_INPUT && v->role == IN_SUM;
}

static bool add_member(Builder *b, const Node *m)
{
	if (m->op == &op_MomentumAccumulate)
		return add_to_variable(b, m, &op_MomentumAccumulate);
	if (m->op == &op_SGDUpdate)
		return add_to_variable(b, m, &op_SGDAccumulate);
	Arena *a = b->g->unit->arena;
	bool *part = arena_array(a, bool, m->nin + 1);
	Value **in = arena_array(a, Value *, m->nin + 1);
	PartKind *kind = arena_array(a, PartKind, m->nout + 1);
	for (int i = 0; i < m->nin; i++) {
		in[i] = m->in[i] ? b->of[m->in[i]->id] : NULL;
		part[i] = m->in[i] && b->rows[m->in[i]->id];
		if (m->in[i] && (!in[i] || is_sum(in[i])))
			return false;
	}
	if (!node_parts(m, part, b->parts, kind))
		return false;
	Node *p = node_part(b->g, m, in, part, b->parts, b->index);
	if (goes_on(b, m, kind)) {
		go_on(b, m, p);
		return true;
	}
	for (int o = 0; o < m->nout; o++) {
		Value *v = m->out[o];
		if (v->memory == MEM_WORKSPACE)
			continue;
		value_serve(p->out[o], v);
		b->rows[v->id] = kind[o] == PART_ROWS;
		b->of[v->id] = kind[o] == PART_ROWS || kind[o] == PART_WHOLE
			? p->out[o] : NULL;
		int at = output_index(b->n, v);
		if (kind[o] == PART_WHOLE && at >= 0)
			return false;
		b->summand[v->id] = b->of[v->id] ? NULL : p->out[o];
		b->scale[v->id] = kind[o] == PART_MEAN ? 1 / (double)b->parts
		                                       : 1;
		if (at >= 0 && kind[o] == PART_ROWS)
			set_output(b, v, OUT_ROWS, p->out[o]);
		else if (at >= 0)
			set_output(b, v, OUT_SUM, add_up(b, v));
	}
	return true;
}

bool scan_build(Graph *outer, Node *n, int64_t parts, const bool in_part[],
                bool in_order)
{
	Arena *a = outer->unit->arena;
	Scan *s = arena_new(a, Scan);
	Graph *g = graph_create(outer->model, "part");
	Builder b = {
		outer, g, n, parts, arena_array(a, Value *, outer->nvalues),
		arena_array(a, bool, outer->nvalues),
		arena_array(a, Value *, outer->nvalues),
		arena_array(a, double, outer->nvalues), NULL, in_order,
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

bool scan_adds(const Node *n, const Value *in, const Value *out)
{
	const Graph *g = n->scan->graph;
	int o = output_index(n, out);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] == in && g->input[i]->role == IN_SUM)
			return o >= 0 && o < g->noutputs &&
			       g->input[i]->total == g->output[o].value;
	return false;
}

bool scan_in_place(const Node *n, int i, int o)
{
	const Plan *plan = n->scan->plan;
	const Graph *g = n->scan->graph;
	if (g->input[i]->role == IN_SUM)
		return scan_adds(n, n->in[i], n->out[o]);
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

/* ---- how near before it? ---- */

static bool touches(const Plan *plan, Value *const list[], int n,
                    const Value *base)
{
	for (int i = 0; i < n; i++)
		if (is_in(plan, list[i], base))
			return true;
	return false;
}

/* In each part, is the input read for the last time before the output is
 * written for the first? */
static bool reads_first(const Plan *plan, const Value *in, const Value *out)
{
	bool written = false;
	for (int s = 0; s < plan->nsteps; s++) {
		const Node *n = plan->step[s];
		if (plan_skips(plan, n))
			continue;
		written |= touches(plan, n->out, n->nout, out);
		if (written && touches(plan, n->in, n->nin, in))
			return false;
	}
	return true;
}

/* When part p of the output is stored, p parts of the input have been read, or
 * one more: what is stored ends before the rest begins, if
 *
 *     (p + 1) out - d  <=  (p + more) in
 *
 * as long as there is a rest. Both sides are linear in p. The checker goes through
 * all steps of all parts: more of them than it can in a moment keep apart. */
int64_t scan_distance(const Node *n, int i, int o)
{
	enum { MOST_STEPS = 1 << 22 };
	const Plan *plan = n->scan->plan;
	const Graph *g = n->scan->graph;
	int64_t whole = value_bytes(n->out[o]), parts = n->scan->parts;
	if (!plan || o >= g->noutputs || g->input[i]->role != IN_PART ||
	    g->output[o].role != OUT_ROWS ||
	    parts > MOST_STEPS / (plan->nsteps + 1))
		return whole;
	int64_t in = value_bytes(g->input[i]);
	int64_t out = value_bytes(g->output[o].value);
	int64_t more = reads_first(plan, g->input[i], g->output[o].value);
	int64_t first = out - more * in;
	int64_t last = (parts - more) * out - (parts - 1) * in;
	int64_t most = first > last ? first : last;
	return most < 0 ? 0 : most < whole ? most : whole;
}

#include "ir/graph.h"

#include "ir/op.h"

#include <string.h>

static const char *const class_names[] = {
	[MEM_ACTIVATION] = "activations", [MEM_GRADIENT] = "gradients",
	[MEM_WORKSPACE] = "workspace", [MEM_IO] = "io",
	[MEM_PARAMETER] = "parameters", [MEM_OPTIMIZER] = "optimizer",
};

const char *memory_class_name(MemoryClass c)
{
	return class_names[c];
}

int64_t value_bytes(const Value *v)
{
	return shape_bytes(v->shape, v->dtype);
}

void value_serve(Value *v, const Value *other)
{
	v->memory = other->memory;
	v->gradient_of = other->gradient_of;
}

bool value_is_data(const Value *v)
{
	return v->kind == V_INPUT &&
	       (v->role == IN_DATA || v->role == IN_TARGET);
}

bool value_is_given(const Value *v)
{
	return value_is_data(v) && !v->fed;
}

bool value_is_callers(const Value *v)
{
	return value_viewed(v)->fed;
}

/* Grows an arena array by doubling; n is the number of elements in use. */
static void *grow(Arena *a, void *array, int n, size_t size)
{
	if (n & (n - 1))
		return array;
	void *bigger = arena_calloc(a, n ? 2 * (size_t)n : 1, size);
	if (n)
		memcpy(bigger, array, (size_t)n * size);
	return bigger;
}

Model *model_create(Unit *u, const char *name)
{
	Model *m = arena_new(u->arena, Model);
	m->unit = u;
	m->name = name;
	return m;
}

Variable *model_find(const Model *m, const char *name)
{
	for (int i = 0; i < m->nvars; i++)
		if (!strcmp(m->var[i]->name, name))
			return m->var[i];
	return NULL;
}

Variable *model_variable(Model *m, const char *name, VariableRole role,
                         DType dtype, Shape shape)
{
	Variable *v = arena_new(m->unit->arena, Variable);
	v->id = m->nvars;
	v->name = name;
	v->role = role;
	v->dtype = dtype;
	v->shape = shape;
	m->var = grow(m->unit->arena, m->var, m->nvars, sizeof *m->var);
	m->var[m->nvars++] = v;
	return v;
}

Graph *graph_create(Model *m, const char *name)
{
	Graph *g = arena_new(m->unit->arena, Graph);
	g->model = m;
	g->unit = m->unit;
	g->name = name;
	return g;
}

static Value *new_value(Graph *g, const char *name, ValueKind kind, DType dtype,
                        Shape shape)
{
	Value *v = arena_new(g->unit->arena, Value);
	v->id = g->nvalues++;
	v->name = name ? name : arena_printf(g->unit->arena, "_%d", v->id);
	v->kind = kind;
	v->dtype = dtype;
	v->shape = shape;
	return v;
}

static void add_input(Graph *g, Value *v)
{
	g->input = grow(g->unit->arena, g->input, g->ninputs, sizeof *g->input);
	g->input[g->ninputs++] = v;
}

Value *graph_input(Graph *g, const char *name, InputRole role, DType dtype,
                   Shape shape)
{
	Value *v = new_value(g, name, V_INPUT, dtype, shape);
	v->role = role;
	v->memory = MEM_IO;
	add_input(g, v);
	return v;
}

Value *graph_scalar_input(Graph *g, const char *name, InputRole role,
                          DType dtype, double initial)
{
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->role == role && !strcmp(g->input[i]->name, name))
			return g->input[i];
	Value *v = graph_input(g, name, role, dtype, (Shape){0});
	v->initial = initial;
	return v;
}

static Value *find_variable(Graph *g, const Variable *var)
{
	for (int i = 0; i < g->nvarvalues; i++)
		if (g->varvalue[i]->var == var)
			return g->varvalue[i];
	return NULL;
}

Value *graph_variable(Graph *g, Variable *var)
{
	Value *v = find_variable(g, var);
	if (v)
		return v;
	v = new_value(g, var->name, V_VARIABLE, var->dtype, var->shape);
	v->var = var;
	v->memory = var->role == VAR_OPTIMIZER ? MEM_OPTIMIZER : MEM_PARAMETER;
	g->varvalue = grow(g->unit->arena, g->varvalue, g->nvarvalues,
	                   sizeof *g->varvalue);
	g->varvalue[g->nvarvalues++] = v;
	return v;
}

Value *graph_const(Graph *g, const char *name, DType dtype, Shape shape,
                   const void *data)
{
	Value *v = new_value(g, name, V_CONST, dtype, shape);
	v->data = data;
	return v;
}

Value *graph_scalar(Graph *g, DType dtype, double x)
{
	void *data = arena_alloc(g->unit->arena, (size_t)dtype_size(dtype));
	dtype_put(dtype, data, 0, dtype_is_float(dtype)
	                          ? (Scalar){.f = x}
	                          : (Scalar){.i = int64_of(x)});
	return graph_const(g, NULL, dtype, (Shape){0}, data);
}

void graph_output(Graph *g, const char *name, OutputRole role, Value *v)
{
	g->output = grow(g->unit->arena, g->output, g->noutputs,
	                 sizeof *g->output);
	g->output[g->noutputs++] = (Output){name, v, role};
	g->facts &= ~(unsigned)FACT_USES;
}

/* ---- nodes ---- */

static void set_defaults(Node *n)
{
	for (int i = 0; i < n->op->nattrs; i++) {
		const AttrDef *d = &n->op->attrs[i];
		n->attr[i].set = d->has_default;
		n->attr[i].i = d->i;
		n->attr[i].f = d->f;
		n->attr[i].s = d->s;
	}
}

int64_t graph_batch(const Graph *g)
{
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->role == IN_DATA && g->input[i]->shape.rank)
			return g->input[i]->shape.dim[g->input[i]->batch_axis];
	return 0;
}

Node *node_new(Graph *g, Loc loc, const OpDef *op, int nin, Value *const in[])
{
	Arena *a = g->unit->arena;
	Node *n = arena_new(a, Node);
	n->op = op;
	n->loc = loc;
	n->again = -1;
	n->nin = nin;
	n->in = arena_array(a, Value *, nin);
	if (nin)
		memcpy(n->in, in, sizeof(Value *) * (size_t)nin);
	n->attr = arena_array(a, Attr, op->nattrs);
	set_defaults(n);
	n->nout = op->min_out ? op->min_out : 1;
	return n;
}

static Attr *find_attr(Node *n, const char *name, AttrKind kind)
{
	int i = op_attr(n->op, name);
	if (i < 0 || n->op->attrs[i].kind != kind)
		BUG("%s has no such attribute '%s'", n->op->name, name);
	n->attr[i].set = true;
	return &n->attr[i];
}

void node_set_int(Graph *g, Node *n, const char *attr, int64_t x)
{
	find_attr(n, attr, ATTR_INT)->i = x;
}

void node_set_float(Graph *g, Node *n, const char *attr, double x)
{
	find_attr(n, attr, ATTR_FLOAT)->f = x;
}

void node_set_string(Graph *g, Node *n, const char *attr, const char *s)
{
	find_attr(n, attr, ATTR_STRING)->s = s;
}

void node_set_ints(Graph *g, Node *n, const char *attr, int count,
                   const int64_t *x)
{
	Attr *a = find_attr(n, attr, ATTR_INTS);
	int64_t *copy = arena_array(g->unit->arena, int64_t, count);
	if (count)
		memcpy(copy, x, sizeof *x * (size_t)count);
	a->n = count;
	a->ints = copy;
}

void node_set_floats(Graph *g, Node *n, const char *attr, int count,
                     const double *x)
{
	Attr *a = find_attr(n, attr, ATTR_FLOATS);
	double *copy = arena_array(g->unit->arena, double, count);
	if (count)
		memcpy(copy, x, sizeof *x * (size_t)count);
	a->n = count;
	a->floats = copy;
}

void node_copy_attrs(Graph *g, Node *to, const Node *from)
{
	for (int i = 0; i < from->op->nattrs; i++) {
		int j = op_attr(to->op, from->op->attrs[i].name);
		if (j >= 0)
			to->attr[j] = from->attr[i];
	}
}

void node_set_outputs(Graph *g, Node *n, int nout)
{
	int max = n->op->max_out ? n->op->max_out : 1;
	if (nout < 1 || nout > max)
		BUG("%s has %d to %d outputs, asked for %d", n->op->name,
		    n->op->min_out, max, nout);
	n->nout = nout;
}

static void insert(Graph *g, Node *n)
{
	n->id = g->nnodes++;
	n->next = g->at;
	n->prev = g->at ? g->at->prev : g->last;
	*(n->prev ? &n->prev->next : &g->first) = n;
	*(n->next ? &n->next->prev : &g->last) = n;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			n->in[i]->nuses++;
}

Value *node_done(Graph *g, Node *n)
{
	n->out = arena_array(g->unit->arena, Value *, n->nout);
	for (int o = 0; o < n->nout; o++) {
		n->out[o] = new_value(g, NULL, V_RESULT, DT_F32, (Shape){0});
		n->out[o]->def = n;
	}
	if (!op_infer(g->unit, n))
		return NULL;
	insert(g, n);
	return n->out[0];
}

Value *graph_apply(Graph *g, Loc loc, const OpDef *op, int nin,
                   Value *const in[])
{
	return node_done(g, node_new(g, loc, op, nin, in));
}

Value *node_add_output(Graph *g, Node *n, DType dtype, Shape shape)
{
	Value **more = arena_array(g->unit->arena, Value *, n->nout + 1);
	memcpy(more, n->out, sizeof(Value *) * (size_t)n->nout);
	Value *v = new_value(g, NULL, V_RESULT, dtype, shape);
	v->def = n;
	more[n->nout++] = v;
	n->out = more;
	return v;
}

int graph_count(const Graph *g, const OpDef *op)
{
	int count = 0;
	for (const Node *n = g->first; n; n = n->next)
		count += !op || n->op == op;
	return count;
}

void graph_remove(Graph *g, Node *n)
{
	*(n->prev ? &n->prev->next : &g->first) = n->next;
	*(n->next ? &n->next->prev : &g->last) = n->prev;
	if (g->at == n)
		g->at = n->next;
	if (g->facts & FACT_USES)
		for (int i = 0; i < n->nin; i++)
			if (n->in[i])
				n->in[i]->nuses--;
}

static bool is_read(const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->nuses || n->out[o]->var)
			return true;
	return false;
}

bool graph_drop_unread(Graph *g)
{
	bool dropped = false;
	graph_have(g, FACT_USES);
	for (Node *n = g->last, *prev; n; n = prev) {
		prev = n->prev;
		if (is_read(n))
			continue;
		graph_remove(g, n);
		dropped = true;
	}
	return dropped;
}

static int replace_in(Node *n, const Value *old, Value *new)
{
	int found = 0;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] == old) {
			n->in[i] = new;
			found++;
		}
	for (int b = 0; b < n->nbody; b++)
		replace_in(n->body[b], old, new);
	return found;
}

/* The first node that may read the value. */
static Node *first_behind(const Graph *g, const Value *v)
{
	Node *n = v->kind == V_RESULT ? v->def : NULL;
	bool listed = n && (n->next ? n->next->prev : g->last) == n;
	return listed ? n->next : g->first;
}

void graph_replace(Graph *g, Value *old, Value *new)
{
	bool counted = g->facts & FACT_USES;
	int found = 0;
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == old) {
			g->output[i].value = new;
			found++;
		}
	for (Node *n = first_behind(g, old);
	     n && (!counted || found < old->nuses); n = n->next)
		found += replace_in(n, old, new);
	old->nuses -= found;
	new->nuses += found;
}

static void count_uses(Graph *g)
{
	for (Node *n = g->first; n; n = n->next) {
		for (int o = 0; o < n->nout; o++)
			n->out[o]->nuses = 0;
		for (int i = 0; i < n->nin; i++)
			if (n->in[i])
				n->in[i]->nuses = 0;
	}
	for (int i = 0; i < g->ninputs; i++)
		g->input[i]->nuses = 0;
	for (int i = 0; i < g->noutputs; i++)
		g->output[i].value->nuses = 0;
	for (Node *n = g->first; n; n = n->next)
		for (int i = 0; i < n->nin; i++)
			if (n->in[i])
				n->in[i]->nuses++;
	for (int i = 0; i < g->noutputs; i++)
		g->output[i].value->nuses++;
}

void graph_have(Graph *g, unsigned facts)
{
	if (facts & ~g->facts & FACT_USES)
		count_uses(g);
	g->facts |= facts;
}

const int64_t *const_ints(Graph *g, const Value *v, int *n)
{
	if (!v || v->kind != V_CONST || dtype_is_float(v->dtype))
		return NULL;
	*n = (int)numel(v->shape);
	int64_t *x = arena_array(g->unit->arena, int64_t, *n);
	for (int i = 0; i < *n; i++)
		x[i] = dtype_get(v->dtype, v->data, i).i;
	return x;
}

bool value_is_scalar_const(const Value *v, double x)
{
	if (v->kind != V_CONST || numel(v->shape) != 1)
		return false;
	Scalar s = dtype_get(v->dtype, v->data, 0);
	return (dtype_is_float(v->dtype) ? s.f : (double)s.i) == x;
}

/*
 * Reads the text form (text.h). The text may come from anybody: whatever it
 * says, the answer is a graph that the verifier accepts, or an error with its
 * line. So all that is a BUG in a pass is checked here before it is done.
 */
#include "ir/parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- variables, inputs, constants, outputs ---- */

static const char *input_role(int r) { return input_role_name((InputRole)r); }
static const char *output_role(int r)
{
	return output_role_name((OutputRole)r);
}
static const char *variable_role(int r)
{
	return variable_role_name((VariableRole)r);
}

/* {1, 2, ...}, as many as the shape wants. */
static void *parse_elements(Parser *p, DType dtype, Shape shape)
{
	Arena *a = p->u->arena;
	int64_t want = numel(shape), n = 0, max = 16;
	Scalar *x = arena_array(a, Scalar, max);
	lex_expect(&p->l, LEX_MARK, "{");
	if (lex_is(&p->l, LEX_MARK, "."))
		lex_fail(&p->l, "the contents were left out of this text");
	while (p->l.kind == LEX_NUMBER && n < want) {
		if (n == max) {
			Scalar *more = arena_array(a, Scalar, 2 * max);
			memcpy(more, x, sizeof *x * (size_t)max);
			x = more;
			max *= 2;
		}
		if (dtype_is_float(dtype))
			x[n++].f = lex_float(&p->l);
		else
			x[n++].i = lex_int(&p->l);
		if (!lex_take(&p->l, LEX_MARK, ","))
			break;
	}
	lex_expect(&p->l, LEX_MARK, "}");
	if (p->l.failed || n != want) {
		lex_fail(&p->l, "%lld elements for a shape of %lld",
		         (long long)n, (long long)want);
		return NULL;
	}
	void *data = arena_calloc(a, (size_t)n + 1, (size_t)dtype_size(dtype));
	for (int64_t i = 0; i < n; i++)
		dtype_put(dtype, data, i, x[i]);
	return data;
}

static Variable *find_variable(Parser *p)
{
	const char *name = lex_text(&p->l, LEX_STRING, "a variable");
	Variable *var = p->l.failed ? NULL : model_find(p->m, name);
	if (!var)
		lex_fail(&p->l, "there is no variable '%.40s'", name);
	return var;
}

/* ---- lines before the nodes ---- */

static void parse_variable(Parser *p)
{
	const char *name = lex_text(&p->l, LEX_STRING, "a variable's name");
	VariableRole role = (VariableRole)parse_word(
		p, "parameter, buffer or optimizer", variable_role,
		VAR_OPTIMIZER + 1);
	DType dtype;
	Shape shape;
	parse_type(p, &dtype, &shape);
	if (p->l.failed)
		return;
	Variable *v = model_find(p->m, name);
	if (v && (v->dtype != dtype || !shape_equal(v->shape, shape))) {
		lex_fail(&p->l, "variable '%.40s' has another type", name);
		return;
	}
	bool known = v;
	if (!known)
		v = model_variable(p->m, name, role, dtype, shape);
	if (lex_take(&p->l, LEX_WORD, "mutable"))
		v->mutable = true;
	if (lex_take(&p->l, LEX_WORD, "fill")) {
		double fill = lex_float(&p->l);
		v->fill = known ? v->fill : fill;
		return;
	}
	lex_expect(&p->l, LEX_MARK, "=");
	void *data = parse_elements(p, dtype, shape);
	v->data = known ? v->data : data;
}

static void parse_input(Parser *p)
{
	const char *name = lex_text(&p->l, LEX_NAME, "an input");
	InputRole role = (InputRole)parse_word(
		p, "data, target, hyper, step or seed", input_role,
		IN_SEED + 1);
	bool fed = lex_take(&p->l, LEX_WORD, "fed");
	bool later = lex_take(&p->l, LEX_WORD, "batch");
	int64_t batch_axis = later ? lex_int(&p->l) : 0;
	DType dtype;
	Shape shape;
	parse_type(p, &dtype, &shape);
	bool scalar = role != IN_DATA && role != IN_TARGET;
	if (scalar && fed)
		lex_fail(&p->l, "only data and target are fed");
	if (scalar && (shape.rank ||
	               dtype_is_float(dtype) != (role == IN_HYPER)))
		lex_fail(&p->l, "a %s is a scalar of another type",
		         input_role_name(role));
	if (later && (scalar || batch_axis < 1 || batch_axis >= shape.rank))
		lex_fail(&p->l, "there is no dimension %lld that could be the "
		         "batch", (long long)batch_axis);
	if (p->l.failed)
		return;
	Value *v = graph_input(p->g, name, role, dtype, shape);
	v->fed = fed;
	v->batch_axis = v->model_axis = (int)batch_axis;
	parse_name_value(p, v, name);
	if (role == IN_HYPER && lex_take(&p->l, LEX_WORD, "initial"))
		v->initial = lex_float(&p->l);
}

static void parse_read(Parser *p)
{
	const char *name = lex_text(&p->l, LEX_NAME, "a value");
	Variable *var = find_variable(p);
	if (!var)
		return;
	int before = p->g->nvarvalues;
	Value *v = graph_variable(p->g, var);
	if (p->g->nvarvalues == before)
		lex_fail(&p->l, "variable '%.40s' is read twice", var->name);
	else
		parse_name_value(p, v, name);
}

static void parse_const(Parser *p)
{
	const char *name = lex_text(&p->l, LEX_NAME, "a constant");
	DType dtype;
	Shape shape;
	parse_type(p, &dtype, &shape);
	lex_expect(&p->l, LEX_MARK, "=");
	void *data = p->l.failed ? NULL : parse_elements(p, dtype, shape);
	if (data)
		parse_name_value(p, graph_const(p->g, name, dtype, shape, data),
		           name);
}

static void parse_output(Parser *p)
{
	const char *name = lex_text(&p->l, LEX_STRING, "an output's name");
	OutputRole role = (OutputRole)parse_word(p, "data, loss, gradient or update",
	                                         output_role,
	                                         OUT_UPDATE + 1);
	const char *value = lex_text(&p->l, LEX_NAME, "a value");
	Value *v = p->l.failed ? NULL : table_find(p->names, value);
	if (v)
		graph_output(p->g, name, role, v);
	else
		lex_fail(&p->l, "%%%.40s is not defined", value);
}

/* ---- the graph ---- */

static void parse_statement(Parser *p)
{
	if (lex_take(&p->l, LEX_WORD, "variable"))
		parse_variable(p);
	else if (lex_take(&p->l, LEX_WORD, "input"))
		parse_input(p);
	else if (lex_take(&p->l, LEX_WORD, "read"))
		parse_read(p);
	else if (lex_take(&p->l, LEX_WORD, "const"))
		parse_const(p);
	else if (lex_take(&p->l, LEX_WORD, "output"))
		parse_output(p);
	else
		parse_node(p);
}

Graph *graph_parse(Unit *u, Model *m, const char *text)
{
	Parser p = {.u = u, .m = m};
	p.names = table_create(u->arena);
	p.replaced = table_create(u->arena);
	lex_start(&p.l, u, text);
	lex_expect(&p.l, LEX_WORD, "graph");
	const char *name = lex_text(&p.l, LEX_STRING, "the graph's name");
	lex_expect(&p.l, LEX_WORD, "of");
	const char *model = lex_text(&p.l, LEX_STRING, "the model's name");
	if (!p.m)
		p.m = model_create(u, model);
	p.g = graph_create(p.m, name);
	while (!p.l.failed && p.l.kind != LEX_END)
		parse_statement(&p);
	if (p.l.failed)
		return NULL;
	if (p.g->nvalues < p.own_names)
		p.g->nvalues = p.own_names;
	return p.g;
}

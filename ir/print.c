/* Graphs as text; see text.h. */
#include "ir/text.h"

#include "ir/op.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT = 64 };   /* elements that are printed in any case */

typedef struct Printer {
	FILE *f;
	const Graph *g;
	bool full;
	bool *seen;            /* by value id: constants */
	bool *wanted;          /* by variable id */
} Printer;

const char *input_role_name(InputRole r)
{
	static const char *const names[] = {
		[IN_DATA] = "data", [IN_TARGET] = "target",
		[IN_HYPER] = "hyper", [IN_STEP] = "step", [IN_SEED] = "seed",
		[IN_PART] = "part", [IN_WHOLE] = "whole", [IN_INDEX] = "index",
		[IN_SUM] = "sum",
	};
	return names[r];
}

const char *output_role_name(OutputRole r)
{
	static const char *const names[] = {
		[OUT_DATA] = "data", [OUT_LOSS] = "loss",
		[OUT_GRADIENT] = "gradient", [OUT_UPDATE] = "update",
		[OUT_ROWS] = "rows", [OUT_SUM] = "sum",
	};
	return names[r];
}

const char *variable_role_name(VariableRole r)
{
	static const char *const names[] = {
		[VAR_PARAMETER] = "parameter", [VAR_BUFFER] = "buffer",
		[VAR_OPTIMIZER] = "optimizer",
	};
	return names[r];
}

/* ---- words ---- */

static void print_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < ' ' || c == 127)
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static bool is_plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_./:-", *s))
			return false;
	return true;
}

static void print_name(FILE *f, const char *name)
{
	fputc('%', f);
	if (is_plain(name))
		fputs(name, f);
	else
		print_string(f, name);
}

/* The fewest digits that read back as the same number. */
static void print_float(FILE *f, double x, bool single)
{
	char s[40];
	if (isnan(x)) {
		fputs("nan", f);
		return;
	}
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(s, sizeof s, "%.*g", digits, x);
		double back = strtod(s, NULL);
		if (back == x || (single && (float)back == (float)x))
			break;
	}
	fputs(s, f);
}

static void print_type(FILE *f, DType t, Shape s)
{
	fprintf(f, " %s[", dtype_name(t));
	for (int i = 0; i < s.rank; i++)
		fprintf(f, "%s%lld", i ? "," : "", (long long)s.dim[i]);
	fputc(']', f);
}

static void print_elements(const Printer *p, DType t, Shape s, const void *data)
{
	int64_t n = numel(s);
	if (n > SHORT && !p->full) {
		fputs("{...}", p->f);
		return;
	}
	fputc('{', p->f);
	for (int64_t i = 0; i < n; i++) {
		Scalar x = dtype_get(t, data, i);
		fputs(i ? ", " : "", p->f);
		if (dtype_is_float(t))
			print_float(p->f, x.f, t != DT_F64);
		else
			fprintf(p->f, "%lld", (long long)x.i);
	}
	fputc('}', p->f);
}

/* ---- what is there before the first node ---- */

static void print_variable(const Printer *p, const Variable *v)
{
	fputs("variable ", p->f);
	print_string(p->f, v->name);
	fprintf(p->f, " %s", variable_role_name(v->role));
	print_type(p->f, v->dtype, v->shape);
	if (v->mutable)
		fputs(" mutable", p->f);
	if (v->data) {
		fputs(" = ", p->f);
		print_elements(p, v->dtype, v->shape, v->data);
	} else {
		fputs(" fill ", p->f);
		print_float(p->f, v->fill, false);
	}
	fputc('\n', p->f);
}

static void print_variables(Printer *p)
{
	const Graph *g = p->g;
	for (int i = 0; i < g->nvarvalues; i++)
		p->wanted[g->varvalue[i]->var->id] = true;
	for (const Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				p->wanted[n->out[o]->var->id] = true;
	for (int i = 0; i < g->model->nvars; i++)
		if (p->wanted[i])
			print_variable(p, g->model->var[i]);
}

static void print_input(FILE *f, const Value *v)
{
	fputs("input ", f);
	print_name(f, v->name);
	fprintf(f, " %s%s", input_role_name(v->role), v->fed ? " fed" : "");
	if (v->batch_axis)
		fprintf(f, " batch %d", v->batch_axis);
	print_type(f, v->dtype, v->shape);
	if (v->role == IN_HYPER) {
		fputs(" initial ", f);
		print_float(f, v->initial, false);
	}
	fputc('\n', f);
}

static void print_const(Printer *p, const Value *v)
{
	if (!v || v->kind != V_CONST || p->seen[v->id])
		return;
	p->seen[v->id] = true;
	fputs("const ", p->f);
	print_name(p->f, v->name);
	print_type(p->f, v->dtype, v->shape);
	fputs(" = ", p->f);
	print_elements(p, v->dtype, v->shape, v->data);
	fputc('\n', p->f);
}

static void print_consts_of(Printer *p, const Node *n)
{
	for (int i = 0; i < n->nin; i++)
		print_const(p, n->in[i]);
	for (int b = 0; b < n->nbody; b++)
		print_consts_of(p, n->body[b]);
}

static void print_sources(Printer *p)
{
	const Graph *g = p->g;
	for (int i = 0; i < g->ninputs; i++)
		print_input(p->f, g->input[i]);
	for (int i = 0; i < g->nvarvalues; i++) {
		fputs("read ", p->f);
		print_name(p->f, g->varvalue[i]->name);
		fputc(' ', p->f);
		print_string(p->f, g->varvalue[i]->var->name);
		fputc('\n', p->f);
	}
	for (const Node *n = g->first; n; n = n->next)
		print_consts_of(p, n);
	for (int i = 0; i < g->noutputs; i++)
		print_const(p, g->output[i].value);
}

/* ---- nodes ---- */

static bool is_default(const AttrDef *d, const Attr *a)
{
	if (!d->has_default)
		return false;
	switch (d->kind) {
	case ATTR_INT:
		return a->i == d->i;
	case ATTR_FLOAT:
		return a->f == d->f;
	case ATTR_STRING:
		return a->s == d->s || (a->s && d->s && !strcmp(a->s, d->s));
	case ATTR_INTS: case ATTR_FLOATS:
		break;
	}
	return a->n == 0;
}

static void print_attr(FILE *f, const AttrDef *d, const Attr *a)
{
	fprintf(f, "%s=", d->name);
	switch (d->kind) {
	case ATTR_INT:
		fprintf(f, "%lld", (long long)a->i);
		return;
	case ATTR_FLOAT:
		print_float(f, a->f, false);
		return;
	case ATTR_STRING:
		print_string(f, a->s ? a->s : "");
		return;
	case ATTR_INTS: case ATTR_FLOATS:
		break;
	}
	fputc('[', f);
	for (int i = 0; i < a->n; i++) {
		fputs(i ? ", " : "", f);
		if (d->kind == ATTR_INTS)
			fprintf(f, "%lld", (long long)a->ints[i]);
		else
			print_float(f, a->floats[i], false);
	}
	fputc(']', f);
}

static void print_attrs(FILE *f, const Node *n)
{
	int printed = 0;
	for (int i = 0; i < n->op->nattrs; i++) {
		const AttrDef *d = &n->op->attrs[i];
		if (!n->attr[i].set || is_default(d, &n->attr[i]))
			continue;
		fputs(printed++ ? ", " : " {", f);
		print_attr(f, d, &n->attr[i]);
	}
	if (printed)
		fputc('}', f);
}

/* A member of a fused node shares its result with the node, which is the one
 * that replaces variables. */
static void print_result(FILE *f, const Value *v, bool member)
{
	print_name(f, v->name);
	print_type(f, v->dtype, v->shape);
	if (v->memory != MEM_ACTIVATION)
		fprintf(f, " %s", memory_class_name(v->memory));
	if (v->var && !member) {
		fputs(" -> ", f);
		print_string(f, v->var->name);
	}
}

static void print_loc(FILE *f, Loc loc)
{
	if (!loc.node)
		return;
	fputs(" @ ", f);
	print_string(f, loc.node);
	if (loc.op) {
		fputc(' ', f);
		print_string(f, loc.op);
	}
}

static void print_node(FILE *f, const Node *n, bool member)
{
	fputs(member ? "  " : "", f);
	for (int o = 0; o < n->nout; o++) {
		fputs(o ? ", " : "", f);
		print_result(f, n->out[o], member);
	}
	fprintf(f, " = %s(", n->op->name);
	for (int i = 0; i < n->nin; i++) {
		fputs(i ? ", " : "", f);
		if (n->in[i])
			print_name(f, n->in[i]->name);
		else
			fputc('_', f);
	}
	fputc(')', f);
	print_attrs(f, n);
	if (n->nbody) {
		fputs(" {\n", f);
		for (int b = 0; b < n->nbody; b++)
			print_node(f, n->body[b], true);
		fputc('}', f);
	}
	print_loc(f, n->loc);
	fputc('\n', f);
}

void graph_print(FILE *f, const Graph *g, bool full)
{
	Arena *scratch = arena_create();
	Printer p = {
		f, g, full, arena_array(scratch, bool, g->nvalues),
		arena_array(scratch, bool, g->model->nvars),
	};
	fputs("graph ", f);
	print_string(f, g->name);
	fputs(" of ", f);
	print_string(f, g->model->name);
	fputc('\n', f);
	print_variables(&p);
	print_sources(&p);
	for (const Node *n = g->first; n; n = n->next)
		print_node(f, n, false);
	for (int i = 0; i < g->noutputs; i++) {
		fputs("output ", f);
		print_string(f, g->output[i].name);
		fprintf(f, " %s ", output_role_name(g->output[i].role));
		print_name(f, g->output[i].value->name);
		fputc('\n', f);
	}
	arena_destroy(scratch);
}

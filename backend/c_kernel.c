/* Kernels as C functions: parameters and statements. */
#include "backend/c_kernel.h"

#include "backend/backend.h"
#include "backend/c_place.h"
#include "backend/c_runtime.h"
#include "backend/c_text.h"
#include "ir/op.h"

#include <string.h>

/* ---- parameters ---- */

/* Numbers of one element are printed as numbers. */
static bool is_number(const Value *v)
{
	return v->kind == V_CONST && numel(v->shape) == 1;
}

static void add_value(CKernel *c, const Value *v, const Plan *plan)
{
	if (!v || is_number(v))
		return;
	for (int i = 0; i < c->nvalues; i++)
		if (c->value[i] == v)
			return;
	int p = 0;
	while (p < c->nparams && !(plan && place_same(plan, c->param[p].v, v)))
		p++;
	if (p == c->nparams)
		c->param[c->nparams++].v = v;
	c->value[c->nvalues] = v;
	c->of[c->nvalues++] = p;
}

static void add_values(CKernel *c, const Plan *plan)
{
	const Node *n = c->k->node;
	c->value = arena_array(c->arena, const Value *, n->nin + n->nout);
	c->of = arena_array(c->arena, int, n->nin + n->nout);
	c->param = arena_array(c->arena, CParam, n->nin + n->nout);
	for (int i = 0; i < n->nin; i++)
		add_value(c, n->in[i], plan);
	for (int o = 0; o < n->nout; o++)
		add_value(c, n->out[o], plan);
}

static void drop_untouched(CKernel *c)
{
	int *now = arena_array(c->arena, int, c->nparams);
	int n = 0;
	for (int p = 0; p < c->nparams; p++) {
		now[p] = n;
		if (c->param[p].touched)
			c->param[n++] = c->param[p];
	}
	c->nparams = n;
	for (int i = 0; i < c->nvalues; i++)
		c->of[i] = now[c->of[i]];
}

static void find_overlaps(CKernel *c, const Plan *plan)
{
	for (int p = 0; p < c->nparams; p++)
		for (int q = 0; q < c->nparams; q++)
			if (p != q)
				c->param[p].overlaps |= place_overlap(
					plan, c->param[p].v, c->param[q].v);
}

static void name_params(CKernel *c, const char *prefix)
{
	Names names = {.arena = c->arena, .prefix = prefix};
	for (int p = 0; p < c->nparams; p++) {
		const Value *v = c->param[p].v;
		c->param[p].name = names_unique(
			&names, v->memory == MEM_WORKSPACE ? "ws" : v->name);
	}
}

CKernel *c_kernel(Arena *a, const Kernel *k, const Plan *plan)
{
	CKernel *c = arena_new(a, CKernel);
	c->arena = a;
	c->k = k;
	c->live = arena_array(a, bool, k->nvars);
	add_values(c, plan);
	c_find_live(c);
	c_need_wide(c);
	if (plan) {
		drop_untouched(c);
		find_overlaps(c, plan);
	}
	name_params(c, plan ? plan->graph->model->name : NULL);
	return c;
}

const char *c_kernel_params(const CKernel *c)
{
	const char *text = "";
	for (int i = 0; i < c->nparams; i++) {
		const CParam *p = &c->param[i];
		bool ws = p->v->memory == MEM_WORKSPACE;
		text = arena_printf(
			c->arena, "%s%s%s%s *%s%s", text, i ? ", " : "",
			p->written ? "" : "const ",
			ws ? "void" : dtype_ctype(p->v->dtype),
			p->overlaps ? "" : "restrict ", p->name);
	}
	return c->nparams ? text : "void";
}

/* ---- statements ---- */

static void put_stmts(Writer *, CKernel *, const Stmt *);

static void put_bare_expr(Writer *w, const CKernel *c, const Expr *e)
{
	size_t start = w->length;
	c_put_expr(w, c, e);
	w_strip_parens(w, start);
}

static void put_for(Writer *w, CKernel *c, const Stmt *s)
{
	int i = s->u.loop.var;
	if (s->u.loop.extent == 1) {
		put_stmts(w, c, s->u.loop.body);
		return;
	}
	w_open(w, "for (%s i%d = 0; i%d < %lld; i%d++) {",
	       c->wide ? "int64_t" : "int32_t", i, i,
	       (long long)s->u.loop.extent, i);
	put_stmts(w, c, s->u.loop.body);
	w_close(w, "}");
}

/* What turns a number into the stored type; "" where they are the same. */
static const char *narrowing(Arena *a, DType t)
{
	switch (t) {
	case DT_F16:
		return "rt_f32_to_f16";
	case DT_BF16:
		return "rt_f32_to_bf16";
	case DT_F32: case DT_F64: case DT_I32: case DT_I64:
		return "";
	default:
		return arena_printf(a, "(%s)", dtype_ctype(t));
	}
}

/* The sum of what is stored and x. */
static const Expr *sum_with_stored(CKernel *c, const Stmt *s)
{
	Expr *load = arena_new(c->arena, Expr);
	load->kind = E_LOAD;
	load->type = s->u.store.x->type;
	load->u.load = s->u.store.to;
	load->u.load.nguards = 0;
	Expr *sum = arena_new(c->arena, Expr);
	sum->kind = E_SCALAR;
	sum->type = load->type;
	sum->u.scalar.op = S_add;
	sum->u.scalar.arg[0] = load;
	sum->u.scalar.arg[1] = s->u.store.x;
	return sum;
}

/* `element = x;` where += is only right for float and double. */
static void put_assignment(Writer *w, CKernel *c, const Stmt *s)
{
	const Access *to = &s->u.store.to;
	const char *narrow = narrowing(c->arena, to->v->dtype);
	const Expr *x = s->u.store.x;
	bool add = s->u.store.add;
	bool plus = add && !*narrow && dtype_is_float(to->v->dtype);
	w_put(w, "%s[", c_param_name(c, to->v));
	c_put_index(w, c, &to->at);
	w_put(w, "] %s= %s%s", plus ? "+" : "", narrow, *narrow ? "(" : "");
	put_bare_expr(w, c, add && !plus ? sum_with_stored(c, s) : x);
	w_line(w, "%s;", *narrow ? ")" : "");
}

static void put_store(Writer *w, CKernel *c, const Stmt *s)
{
	w_put(w, "if (");
	if (!c_put_guards(w, c, &s->u.store.to)) {
		w->length = 0;
		put_assignment(w, c, s);
		return;
	}
	w_line(w, ") {");
	w->indent++;
	put_assignment(w, c, s);
	w_close(w, "}");
}

static void put_set(Writer *w, CKernel *c, const Stmt *s)
{
	int var = s->u.set.var;
	if (!c->live[var])
		return;
	if (s->u.set.first)
		w_put(w, "%s ", dtype_ctype(c->k->type[var]));
	w_put(w, "t%d = ", var);
	put_bare_expr(w, c, s->u.set.x);
	w_line(w, ";");
}

/* ---- calls of runtime functions ---- */

static void put_struct(Writer *w, CKernel *c, const Arg *a)
{
	w_put(w, "static const %s d%d = {", a->type, c->nstructs++);
	for (int i = 0; i < a->n; i++)
		w_put(w, "%s%lld", i ? ", " : "", (long long)a->field[i]);
	w_line(w, "};");
}

static void put_pointer(Writer *w, const CKernel *c, const Arg *a)
{
	const Value *v = a->v;
	if (!v) {
		w_put(w, "NULL");
		return;
	}
	if (is_number(v)) {
		DType type = compute_type(v->dtype);
		w_put(w, "&(const %s){%s}", dtype_ctype(v->dtype),
		      c_number(c->arena, type, dtype_get(v->dtype, v->data, 0)));
		return;
	}
	w_put(w, "%s", c_param_name(c, v));
	if (a->at.nterms || a->at.add) {
		w_put(w, " + ");
		c_put_index(w, c, &a->at);
	}
}

static void put_arg(Writer *w, const CKernel *c, const Arg *a, int *structs)
{
	switch (a->kind) {
	case ARG_VALUE:
		put_pointer(w, c, a);
		break;
	case ARG_INT:
		w_put(w, "%lld", (long long)a->i);
		break;
	case ARG_FLOAT:
		w_put(w, "%s", a->name ? a->name
		      : c_number(c->arena, DT_F32, (Scalar){.f = a->f}));
		break;
	case ARG_SCALAR:
		w_put(w, "t%d", a->var);
		break;
	case ARG_STRUCT:
		w_put(w, "&d%d", (*structs)++);
		break;
	}
}

static void put_call(Writer *w, CKernel *c, const Stmt *s)
{
	int structs = c->nstructs;
	if (!c_is_call(c, s)) {
		put_stmts(w, c, s->u.call.body);
		return;
	}
	for (int i = 0; i < s->u.call.narg; i++)
		if (s->u.call.arg[i].kind == ARG_STRUCT)
			put_struct(w, c, &s->u.call.arg[i]);
	w_put(w, "%s(", runtime_name(s->u.call.fn, c->blas));
	for (int i = 0; i < s->u.call.narg; i++) {
		w_put(w, i ? ", " : "");
		put_arg(w, c, &s->u.call.arg[i], &structs);
	}
	w_line(w, ");");
}

static void put_stmts(Writer *w, CKernel *c, const Stmt *s)
{
	for (; s; s = s->next) {
		Stmt one = *s;
		one.next = NULL;
		if (!c_emits(c, &one))
			continue;
		if (s->kind == ST_FOR)
			put_for(w, c, s);
		else if (s->kind == ST_STORE)
			put_store(w, c, s);
		else if (s->kind == ST_SET)
			put_set(w, c, s);
		else
			put_call(w, c, s);
	}
}

void c_put_kernel_head(Writer *w, const CKernel *c, const char *name)
{
	enum { LONG_NAME = 36 };   /* leaves no room for a parameter */
	w_put(w, "%s void %s(", c->stays ? "KERNEL" : "static", name);
	if (strlen(name) < LONG_NAME) {
		w_line(w, "%s)", c_kernel_params(c));
		return;
	}
	w_end(w);
	w->indent++;
	w_line(w, "%s)", c_kernel_params(c));
	w->indent--;
}

void c_put_kernel_body(Writer *w, CKernel *c)
{
	w_open(w, "{");
	for (int p = 0; p < c->nparams; p++)
		if (!c->param[p].touched)
			w_line(w, "(void)%s;", c->param[p].name);
	put_stmts(w, c, c->k->body);
	w_close(w, "}");
}

/* ---- comments ---- */

static const char *value_text(const CKernel *c, const Value *v)
{
	const char *shape = shape_text(c->arena, v->shape);
	if (is_number(v))
		return c_number(c->arena, compute_type(v->dtype),
		                dtype_get(v->dtype, v->data, 0));
	if (v->dtype == DT_F32)
		return arena_printf(c->arena, "%s%s", c_comment(c->arena, v->name),
		                    shape);
	return arena_printf(c->arena, "%s%s %s", c_comment(c->arena, v->name),
	                    shape, dtype_name(v->dtype));
}

const char *c_kernel_comment(const CKernel *c)
{
	const Node *n = c->k->node;
	const char *text = n->op->name;
	if (n->loc.op && strcmp(n->loc.op, text))
		text = arena_printf(c->arena, "%s for %s", text,
		                    c_comment(c->arena, n->loc.op));
	if (n->loc.node)
		text = arena_printf(c->arena, "%s '%s'", text,
		                    c_comment(c->arena, n->loc.node));
	for (int i = 0, some = 0; i < n->nin; i++)
		if (n->in[i])
			text = arena_printf(c->arena, "%s%s %s", text,
			                    some++ ? "," : ":",
			                    value_text(c, n->in[i]));
	for (int o = 0; o < n->nout; o++)
		text = arena_printf(c->arena, "%s%s %s", text, o ? "," : " ->",
		                    value_text(c, n->out[o]));
	return arena_printf(c->arena, "%s. %lld flops.", text,
	                    (long long)kernel_cost(c->k).flops);
}

void emit_c_kernel(FILE *out, const Kernel *k, const char *name)
{
	Arena *scratch = arena_create();
	CKernel *c = c_kernel(scratch, k, NULL);
	Writer w = {.out = out, .arena = scratch};
	w_comment(&w, c_kernel_comment(c));
	c_put_kernel_head(&w, c, name);
	c_put_kernel_body(&w, c);
	arena_destroy(scratch);
}

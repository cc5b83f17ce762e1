/*
 * The kernels of all functions, and the functions that call them in the order
 * of their plans. Two nodes whose kernels read the same share one.
 */
#include "backend/c_kernel.h"
#include "backend/c_place.h"
#include "backend/c_program.h"
#include "ir/lanes.h"
#include "ir/op.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- kernels ---- */

typedef struct CStep {
	const CKernel *kernel;
	const char *name;        /* of its function; NULL: no code */
} CStep;

typedef struct Printed {
	const char *name, *params, *body;
} Printed;

typedef struct Kernels {
	CProgram *c;
	Writer *w;
	int n;
	Printed *printed;
} Kernels;

/* ConvGradInput is conv_grad_input. */
static const char *snake_case(Arena *a, const char *s)
{
	char *to = arena_alloc(a, 2 * strlen(s) + 1), *start = to;
	for (; *s; s++) {
		if (isupper((unsigned char)*s) && to > start && to[-1] != '_')
			*to++ = '_';
		*to++ = (char)tolower((unsigned char)*s);
	}
	return start;
}

/* The ONNX node's name, with what of its computation this is: conv1,
 * conv1_grad_input, conv1_sum_to, conv1_matmul_grad. */
static const char *kernel_name(CProgram *c, const Node *n)
{
	const char *op = n->op->name, *onnx = n->loc.op ? n->loc.op : "";
	const char *node = n->loc.node && *n->loc.node ? n->loc.node : NULL;
	size_t same = strlen(onnx);
	if (!node)
		node = snake_case(c->arena, op), op = "";
	else if (same && !strncmp(op, onnx, same))
		op += same;
	bool grad = n->out[0]->memory == MEM_GRADIENT && !strstr(op, "Grad");
	const char *wish = arena_printf(
		c->arena, "%s%s%s%s", c_identifier(c->arena, node),
		*op ? "_" : "", snake_case(c->arena, op), grad ? "_grad" : "");
	return arena_printf(c->arena, "%s_%s", c->name,
	                    names_unique(&c->names, wish));
}

static const char *body_text(CProgram *c, CKernel *kernel)
{
	char *text;
	size_t n;
	Writer w = {.out = open_memstream(&text, &n), .arena = c->arena};
	c_put_kernel_body(&w, kernel);
	fclose(w.out);
	const char *copy = arena_strndup(c->arena, text, n);
	free(text);
	return copy;
}

static const char *find_printed(const Kernels *ks, const char *params,
                                const char *body)
{
	for (int i = 0; i < ks->n; i++)
		if (!strcmp(ks->printed[i].params, params) &&
		    !strcmp(ks->printed[i].body, body))
			return ks->printed[i].name;
	return NULL;
}

static const char *print_kernel(Kernels *ks, CKernel *kernel)
{
	const char *params = c_kernel_params(kernel);
	const char *body = body_text(ks->c, kernel);
	const char *name = find_printed(ks, params, body);
	if (name)
		return name;
	name = kernel_name(ks->c, kernel->k->node);
	ks->printed[ks->n++] = (Printed){name, params, body};
	w_comment(ks->w, c_kernel_comment(kernel));
	c_put_kernel_head(ks->w, kernel, name);
	w_raw(ks->w, "%s\n", body);
	return name;
}

/* The plan has proved what it wanted to of the loops; now they may sum in the
 * order that suits the target. */
static Kernel *lowered(const CProgram *c, const Node *n)
{
	Kernel *k = kernel_of(c->arena, n);
	if (c->p->target && c->p->target->lanes > 1)
		kernel_split_sums(k, c->p->target->lanes);
	return k;
}

static CStep *print_kernels(Kernels *ks, const Plan *plan)
{
	CProgram *c = ks->c;
	CStep *step = arena_array(c->arena, CStep, plan->nsteps);
	for (int i = 0; i < plan->nsteps; i++) {
		if (plan_skips(plan, plan->step[i]))
			continue;
		CKernel *kernel = c_kernel(c->arena, lowered(c, plan->step[i]),
		                           plan);
		kernel->blas = c->o->openblas;
		if (!c_emits(kernel, kernel->k->body))
			continue;
		step[i].kernel = kernel;
		step[i].name = print_kernel(ks, kernel);
	}
	return step;
}

/* ---- where a value is ---- */

static const char *ctype_of(const Value *v)
{
	return v->memory == MEM_WORKSPACE ? "void" : dtype_ctype(v->dtype);
}

/* Constants and variables that nobody writes. */
static const char *constant_text(const CProgram *c, const Value *v,
                                 const Value *base)
{
	CArray *a = base->kind == V_CONST ? c_array_of(c, base)
	                                  : &c->array[c->of_var[base->var->id]];
	a->used = true;
	if (a->small || !c_weights_bin(c))
		return a->name;
	return arena_printf(c->arena, "AT_CONST(%s, k->weights, %s)", ctype_of(v),
	                    c_bytes(c, a->offset));
}

static const char *context_text(const CProgram *c, const Value *v)
{
	if (v->role == IN_STEP)
		return "(const int32_t *)&k->step";
	if (v->role == IN_SEED)
		return "&k->step_seed";
	for (int i = 0; i < c->nhypers; i++)
		if (!strcmp(c->hyper[i].onnx, v->name))
			return arena_printf(c->arena, "&k->%s",
			                    c->hyper[i].name);
	BUG("input %%%s is not in the context", v->name);
}

static const char *at_text(const CProgram *c, const Value *v, const char *base,
                           int64_t offset)
{
	return arena_printf(c->arena, "AT(%s, k->%s, %s)", ctype_of(v), base,
	                    c_bytes(c, offset));
}

/* An expression for the address of the value. */
static const char *address_text(const CProgram *c, const Plan *plan,
                                const Value *v)
{
	const Place *p = &plan->place[v->id];
	switch (p->region) {
	case REGION_ARENA:
		return at_text(c, v, "arena", p->offset);
	case REGION_STATE:
		return at_text(c, v, "state", c->p->offset[p->base->var->id]);
	case REGION_CONST:
		return constant_text(c, v, p->base);
	case REGION_CONTEXT:
		return context_text(c, p->base);
	case REGION_NONE:
		break;
	}
	BUG("%%%s has no place in memory", v->name);
}

/* ---- calls ---- */

typedef struct Body {
	const CProgram *c;
	CFunction *f;
	Writer *w;
	const char **local;    /* by value id: the variable that points to it */
	const char *onnx;      /* the node that the last call serves */
} Body;

/* What points to the value: the caller's pointer has the name already. */
static const char *local_name(const Body *b, const Value *v)
{
	const char *name = v->memory == MEM_WORKSPACE ? "ws" : v->name;
	for (int i = 0; i < b->f->nargs; i++)
		if (b->f->arg[i].v == v)
			name = arena_printf(b->c->arena, "arena_%s",
			                    b->f->arg[i].name);
	return names_unique(&b->f->names, name);
}

/* In the arena and the state, values get a variable where they are first used;
 * others are named as they are. */
static const char *pointer_to(Body *b, const Value *v)
{
	const Plan *plan = b->f->plan;
	const char *at = address_text(b->c, plan, v);
	Region region = plan->place[v->id].region;
	if (b->local[v->id])
		return b->local[v->id];
	if (region != REGION_ARENA && region != REGION_STATE)
		return b->local[v->id] = at;
	b->local[v->id] = local_name(b, v);
	w_line(b->w, "%s *const %s = %s; /* %s */", ctype_of(v), b->local[v->id],
	       at, shape_text(b->c->arena, v->shape));
	return b->local[v->id];
}

static void put_call(Body *b, const CStep *step)
{
	const Node *n = step->kernel->k->node;
	const CKernel *kernel = step->kernel;
	const char *args = "", *onnx = n->loc.node ? n->loc.node : "";
	if (!b->onnx || strcmp(b->onnx, onnx)) {
		w_raw(b->w, "\n");
		w_comment(b->w, arena_printf(b->c->arena, "%s '%s'",
		          c_comment(b->c->arena, n->loc.op ? n->loc.op : n->op->name),
		          c_comment(b->c->arena, onnx)));
	}
	b->onnx = onnx;
	for (int i = 0; i < kernel->nparams; i++)
		args = arena_printf(b->c->arena, "%s%s%s", args, i ? ", " : "",
		                    pointer_to(b, kernel->param[i].v));
	w_line(b->w, "%s(%s);", step->name, args);
}

static void put_inputs(Body *b)
{
	for (int i = 0; i < b->f->nargs; i++) {
		const CArg *a = &b->f->arg[i];
		if (!a->input)
			continue;
		if (b->f->plan->place[a->v->id].region != REGION_ARENA) {
			w_line(b->w, "(void)%s;", a->name);
			continue;
		}
		w_open(b->w, "if (%s)", a->name);
		w_line(b->w, "memcpy(%s, %s, %s);",
		       address_text(b->c, b->f->plan, a->v), a->name,
		       c_bytes(b->c, value_bytes(a->v)));
		b->w->indent--;
	}
}

static void put_outputs(Body *b)
{
	w_raw(b->w, "\n");
	for (int i = 0; i < b->f->nargs; i++) {
		const CArg *a = &b->f->arg[i];
		if (a->input)
			continue;
		w_open(b->w, "if (%s)", a->name);
		w_line(b->w, "memcpy(%s, %s, %s);", a->name,
		       address_text(b->c, b->f->plan, a->v),
		       c_bytes(b->c, value_bytes(a->v)));
		b->w->indent--;
	}
}

static void put_function(Writer *w, CProgram *c, CFunction *f, CStep *step)
{
	Body b = {c, f, w,
	          arena_array(c->arena, const char *, f->plan->graph->nvalues),
	          NULL};
	c_put_signature(w, c, f);
	w_end(w);
	w_open(w, "{");
	w_open(w, "if (!k || !k->arena)");
	w_line(w, "return %s_ERROR_NULL;", c->upper);
	w->indent--;
	put_inputs(&b);
	if (f->plan == c->p->train) {
		w_line(w, "k->step++;");
		w_line(w, "k->step_seed = rt_mix(k->seed, k->step);");
	}
	for (int i = 0; i < f->plan->nsteps; i++)
		if (step[i].name)
			put_call(&b, &step[i]);
	put_outputs(&b);
	w_line(w, "return %s_OK;", c->upper);
	w_close(w, "}");
	w_raw(w, "\n");
}

void c_put_functions(Writer *w, CProgram *c)
{
	CStep *step[3];
	int n = 0;
	for (int f = 0; f < c->nfns; f++)
		n += c->fn[f].plan->nsteps;
	Kernels ks = {.c = c, .w = w,
	              .printed = arena_array(c->arena, Printed, n)};
	for (int f = 0; f < c->nfns; f++)
		step[f] = print_kernels(&ks, c->fn[f].plan);
	for (int f = 0; f < c->nfns; f++)
		put_function(w, c, &c->fn[f], step[f]);
}

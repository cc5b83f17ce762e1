/*
 * The kernels of all functions, and the functions that call them in the order
 * of their plans. Two nodes whose kernels read the same share one.
 */
#include "backend/c_kernel.h"
#include "backend/c_place.h"
#include "backend/c_program.h"
#include "ir/lanes.h"
#include "ir/memo.h"
#include "ir/op.h"
#include "ir/scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- kernels ---- */

typedef struct CStep CStep;

struct CStep {
	const CKernel *kernel;
	const char *name;        /* of its function; NULL: no code */
	const CStep *scan;       /* the steps for one part; NULL: no Scan */
	bool feed;               /* the caller is asked */
};

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
	Memo m;
	memo_open(&m);
	c_put_kernel_body(&(Writer){.out = m.f, .arena = c->arena}, kernel);
	return memo_close(&m, c->arena);
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
static Kernel *lowered(const CProgram *c, const Plan *plan, const Node *n)
{
	Kernel *k = plan_kernel(c->arena, plan, n);
	int lanes = target_or_host(c->p->target)->core->lanes;
	if (lanes > 1)
		kernel_split_sums(k, lanes);
	return k;
}

static CStep *print_kernels(Kernels *ks, const Plan *plan)
{
	CProgram *c = ks->c;
	CStep *step = arena_array(c->arena, CStep, plan->nsteps + 1);
	for (int i = 0; i < plan->nsteps; i++) {
		const Node *n = plan->step[i];
		if (n->scan)
			step[i].scan = print_kernels(ks, n->scan->plan);
		step[i].feed = n->op == &op_Feed;
		if (n->scan || step[i].feed || plan_skips(plan, n))
			continue;
		CKernel *kernel = c_kernel(c->arena, lowered(c, plan, n), plan);
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

/* What points so many bytes behind an array of v's type. */
static const char *elements_on(const CProgram *c, const Value *v,
                               const char *array, int64_t offset)
{
	return offset ? arena_printf(c->arena, "%s + %s", array,
	                             c_bytes(c, offset / dtype_size(v->dtype)))
	              : array;
}

/* Constants and variables that nobody writes. */
static const char *constant_text(const CProgram *c, const Value *v,
                                 const Value *base, int64_t offset)
{
	CArray *a = base->kind == V_CONST ? c_array_of(c, base)
	                                  : &c->array[c->of_var[base->var->id]];
	a->used = true;
	if (!a->small && c_weights_bin(c))
		return arena_printf(c->arena, "AT_CONST(%s, k->weights, %s)",
		                    ctype_of(v), c_bytes(c, a->offset + offset));
	return elements_on(c, v, a->name, offset);
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
		return at_text(c, v, "state",
		               c->p->offset[p->base->var->id] + p->offset);
	case REGION_CONST:
		return constant_text(c, v, p->base, p->offset);
	case REGION_CONTEXT:
		return context_text(c, p->base);
	case REGION_NONE: case REGION_OUTER: case REGION_CALLER:
		break;
	}
	BUG("%%%s has no place in memory", v->name);
}

/* ---- calls ---- */

typedef struct Body Body;

struct Body {
	const CProgram *c;
	CFunction *f;
	Writer *w;
	const Plan *plan;
	const char **local;    /* by value id: the variable that points to it */
	const char *onnx;      /* the node that the last call serves */
	const Body *outer;     /* of a Scan: what the node is in, */
	const Node *scan;      /*   the node, */
	const char *part;      /*   and the variable that counts parts */
};

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

/* ---- in a Scan ---- */

static bool is_written(const Body *b, const Value *v)
{
	return scan_output(b->scan, b->plan->place[v->id].base) >= 0;
}

/* By which a pointer to it moves on: bits are eight to a byte. */
static int64_t stored_elements(const Value *v)
{
	return value_bytes(v) / dtype_size(v->dtype);
}

/* What the node's inputs and outputs point to has been given names outside. */
static const char *outer_text(const Body *b, const Value *v)
{
	const Value *base = b->plan->place[v->id].base;
	int i = scan_input(b->scan, base), o = scan_output(b->scan, base);
	if (i < 0 && o < 0)
		return arena_printf(b->c->arena, "&%s", b->part);
	const Value *whole = i >= 0 ? b->scan->in[i] : b->scan->out[o];
	const char *at = b->outer->local[whole->id];
	bool in_part = i >= 0 ? base->role == IN_PART
	             : b->scan->scan->graph->output[o].role == OUT_ROWS;
	if (in_part)
		at = arena_printf(b->c->arena, "%s + (size_t)%s * %s", at,
		                  b->part, c_bytes(b->c, stored_elements(base)));
	if (whole->dtype == v->dtype)
		return elements_on(b->c, v, at,
		                   b->plan->place[v->id].offset);
	BUG("%%%s is seen as another type in a Scan", v->name);
}

static const char *address_in_scan(const Body *b, const Value *v)
{
	const Place *p = &b->plan->place[v->id];
	if (p->region == REGION_OUTER)
		return outer_text(b, v);
	if (p->region != REGION_ARENA)
		return address_text(b->c, b->plan, v);
	const char *ws = b->outer->local[node_workspace(b->scan)->id];
	return arena_printf(b->c->arena, "AT(%s, (unsigned char *)%s, %s)", ctype_of(v), ws,
	                    c_bytes(b->c, p->offset));
}

/* What inference reads where the caller has it. */
static const char *caller_text(const Body *b, const Value *v)
{
	const Place *p = &b->plan->place[v->id];
	for (int i = 0; i < b->f->nargs; i++)
		if (b->f->arg[i].v == p->base)
			return elements_on(b->c, v, b->f->arg[i].name,
			                   p->offset);
	BUG("%%%s is no argument", p->base->name);
}

static const char *address_in_function(const Body *b, const Value *v)
{
	return b->plan->place[v->id].region == REGION_CALLER
	       ? caller_text(b, v) : address_text(b->c, b->plan, v);
}

/* In the arena and the state, values get a variable where they are first used;
 * others are named as they are. */
static const char *pointer_to(Body *b, const Value *v)
{
	const Plan *plan = b->plan;
	Region region = plan->place[v->id].region;
	if (b->local[v->id])
		return b->local[v->id];
	const char *at = b->scan ? address_in_scan(b, v)
	                         : address_in_function(b, v);
	if (region != REGION_ARENA && region != REGION_STATE &&
	    region != REGION_OUTER)
		return b->local[v->id] = at;
	b->local[v->id] = local_name(b, v);
	w_line(b->w, "%s%s *const %s = %s; /* %s */",
	       region == REGION_OUTER && !is_written(b, v) ? "const " : "",
	       ctype_of(v), b->local[v->id], at,
	       shape_text(b->c->arena, v->shape));
	return b->local[v->id];
}

/* Says which node of the model the next call serves, if that is another. */
static void put_served(Body *b, const Node *n)
{
	const char *onnx = n->loc.node ? n->loc.node : "";
	if (!b->onnx || strcmp(b->onnx, onnx)) {
		w_raw(b->w, "\n");
		w_comment(b->w, arena_printf(b->c->arena, "%s '%s'",
		          c_comment(b->c->arena, n->loc.op ? n->loc.op : n->op->name),
		          c_comment(b->c->arena, onnx)));
	}
	b->onnx = onnx;
}

static void put_feed(Body *b, const Node *n)
{
	const Value *base = b->plan->place[n->in[0]->id].base;
	bool in_part = b->scan && base->role == IN_PART;
	put_served(b, n);
	c_put_feed_call(b->w, b->c, b->f, &(Feeding){
		b->scan ? b->scan->in[scan_input(b->scan, base)] : base,
		pointer_to(b, n->out[0]), in_part ? b->scan->scan->parts : 1,
		in_part ? b->part : NULL});
}

static void put_call(Body *b, const CStep *step)
{
	const CKernel *kernel = step->kernel;
	const char *args = "";
	put_served(b, kernel->k->node);
	for (int i = 0; i < kernel->nparams; i++)
		args = arena_printf(b->c->arena, "%s%s%s", args, i ? ", " : "",
		                    pointer_to(b, kernel->param[i].v));
	w_line(b->w, "%s(%s);", step->name, args);
}

static void put_steps(Body *, const CStep step[]);

/* Outside of the loop, so that every part finds the names. */
static void name_operands(Body *b, const Node *n)
{
	const Graph *g = n->scan->graph;
	for (int i = 0; i < n->nin; i++)
		if (g->input[i]->role != IN_SUM &&
		    !(n->in[i]->fed && c_feeds(b->c, b->f)) &&
		    (n->in[i]->kind != V_CONST || numel(n->in[i]->shape) != 1))
			pointer_to(b, n->in[i]);
	for (int o = 0; o < n->nout; o++)
		pointer_to(b, n->out[o]);
	for (int o = 0; o < g->noutputs; o++)
		if (g->output[o].role == OUT_SUM && !n->out[o]->var)
			w_line(b->w, "memset(%s, 0, %s);",
			       b->local[n->out[o]->id],
			       c_bytes(b->c, value_bytes(n->out[o])));
}

static void put_scan(Body *b, const Node *n, const CStep step[])
{
	Arena *a = b->c->arena;
	const Plan *plan = n->scan->plan;
	const char *part = names_unique(&b->f->names, "part");
	Body in = {
		.c = b->c, .f = b->f, .w = b->w, .plan = plan, .outer = b,
		.scan = n, .part = part,
		.local = arena_array(a, const char *, plan->graph->nvalues),
	};
	w_raw(b->w, "\n");
	w_comment(b->w, arena_printf(a, "%lld parts of the batch, to %s '%s'",
	          (long long)n->scan->parts,
	          c_comment(a, n->loc.op ? n->loc.op : n->op->name),
	          c_comment(a, n->loc.node ? n->loc.node : "")));
	name_operands(b, n);
	w_open(b->w, "for (int32_t %s = 0; %s < %lld; %s++) {", part, part,
	       (long long)n->scan->parts, part);
	put_steps(&in, step);
	w_close(b->w, "}");
	b->onnx = NULL;
}

static void put_steps(Body *b, const CStep step[])
{
	for (int i = 0; i < b->plan->nsteps; i++)
		if (step[i].scan)
			put_scan(b, b->plan->step[i], step[i].scan);
		else if (step[i].feed)
			put_feed(b, b->plan->step[i]);
		else if (step[i].name)
			put_call(b, &step[i]);
}

static void put_inputs(Body *b)
{
	for (int i = 0; i < b->f->nargs; i++) {
		const CArg *a = &b->f->arg[i];
		if (!a->input || a->v->fed)
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
	Body b = {
		.c = c, .f = f, .w = w, .plan = f->plan,
		.local = arena_array(c->arena, const char *,
		                     f->plan->graph->nvalues),
	};
	c_put_signature(w, c, f);
	w_end(w);
	w_open(w, "{");
	w_open(w, "if (!k || !k->arena)");
	w_line(w, "return %s_ERROR_NULL;", c->upper);
	w->indent--;
	c_put_feed_checks(w, c, f);
	put_inputs(&b);
	if (f->plan == c->p->train) {
		w_line(w, "k->step++;");
		w_line(w, "k->step_seed = rt_mix(k->seed, k->step);");
	}
	put_steps(&b, step);
	put_outputs(&b);
	w_line(w, "return %s_OK;", c->upper);
	w_close(w, "}");
	w_raw(w, "\n");
}

static int count_steps(const Plan *plan)
{
	int n = plan->nsteps;
	for (int i = 0; i < plan->nsteps; i++)
		if (plan->step[i]->scan)
			n += count_steps(plan->step[i]->scan->plan);
	return n;
}

void c_put_functions(Writer *w, CProgram *c)
{
	CStep *step[3];
	int n = 0;
	for (int f = 0; f < c->nfns; f++)
		n += count_steps(c->fn[f].plan);
	Kernels ks = {.c = c, .w = w,
	              .printed = arena_array(c->arena, Printed, n)};
	for (int f = 0; f < c->nfns; f++)
		step[f] = print_kernels(&ks, c->fn[f].plan);
	for (int f = 0; f < c->nfns; f++)
		put_function(w, c, &c->fn[f], step[f]);
}

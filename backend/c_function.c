/* The functions that call the kernels in the order of their plans. */
#include "backend/c_place.h"
#include "backend/c_slice.h"
#include "backend/c_steps.h"
#include "ir/op.h"
#include "ir/scan.h"

#include <string.h>

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
	int *slice;            /* the next one's number; NULL: none are wanted */
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

/* What inference reads, or writes, where the caller has it. */
static const char *caller_text(const Body *b, const Value *v)
{
	const Place *p = &b->plan->place[v->id];
	for (int i = 0; i < b->f->nargs; i++)
		if (value_viewed(b->f->arg[i].v) == p->base)
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
	const char *to = pointer_to(b, n->out[0]);
	c_slice_open(b->w, b->slice);
	c_put_feed_call(b->w, b->c, b->f, &(Feeding){
		n, b->scan ? b->scan->in[scan_input(b->scan, base)] : base, to,
		in_part ? b->part : NULL});
	c_slice_close(b->w, b->c, b->slice);
}

static void put_call(Body *b, const CStep *step)
{
	const CKernel *kernel = step->kernel;
	const char *args = "";
	put_served(b, kernel->k->node);
	for (int i = 0; i < kernel->nparams; i++)
		args = arena_printf(b->c->arena, "%s%s%s", args, i ? ", " : "",
		                    pointer_to(b, kernel->param[i].v));
	c_slice_open(b->w, b->slice);
	w_line(b->w, "%s(%s);", step->name, args);
	c_slice_close(b->w, b->c, b->slice);
}

static void put_steps(Body *, const CStep step[]);

static bool has_sums(const Node *n)
{
	const Graph *g = n->scan->graph;
	for (int o = 0; o < g->noutputs; o++)
		if (g->output[o].role == OUT_SUM && !n->out[o]->var)
			return true;
	return false;
}

/* The first slice of a loop; it does not return, since it takes no time. */
static void clear_sums(Body *b, const Node *n)
{
	const Graph *g = n->scan->graph;
	if (!has_sums(n))
		return;
	if (b->slice)
		w_open(b->w, "if (k->slice == %du) {", *b->slice);
	for (int o = 0; o < g->noutputs; o++)
		if (g->output[o].role == OUT_SUM && !n->out[o]->var)
			w_line(b->w, "(void)memset(%s, 0, %s);",
			       b->local[n->out[o]->id],
			       c_bytes(b->c, value_bytes(n->out[o])));
	if (!b->slice)
		return;
	w_line(b->w, "k->slice = %du;", ++*b->slice);
	w_close(b->w, "}");
}

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
}

static int count_outer(const Body *b)
{
	return b ? 1 + count_outer(b->outer) : 0;
}

static void put_scan(Body *b, const Node *n, const CStep step[])
{
	Arena *a = b->c->arena;
	const Plan *plan = n->scan->plan;
	const char *part = names_unique(&b->f->names, "part");
	Body in = {
		.c = b->c, .f = b->f, .w = b->w, .plan = plan, .outer = b,
		.scan = n, .part = part, .slice = b->slice,
		.local = arena_array(a, const char *, plan->graph->nvalues),
	};
	w_raw(b->w, "\n");
	w_comment(b->w, arena_printf(a, "%lld parts, to %s '%s'",
	          (long long)n->scan->parts,
	          c_comment(a, n->loc.op ? n->loc.op : n->op->name),
	          c_comment(a, n->loc.node ? n->loc.node : "")));
	const CLoop loop = {plan, step, part, n->scan->parts,
	                    count_outer(b->outer)};
	name_operands(b, n);
	clear_sums(b, n);
	int first = c_loop_begin(b->w, &loop, b->slice);
	put_steps(&in, step);
	c_loop_end(b->w, &loop, first, b->slice);
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
		if (!a->input || a->fed)
			continue;
		if (b->f->plan->place[a->v->id].region != REGION_ARENA) {
			w_line(b->w, "(void)%s;", a->name);
			continue;
		}
		w_open(b->w, "if (%s != NULL) {", a->name);
		w_line(b->w, "(void)memcpy(%s, %s, %s);",
		       address_text(b->c, b->f->plan, a->v), a->name,
		       c_bytes(b->c, value_bytes(a->v)));
		w_close(b->w, "}");
	}
}

static void put_outputs(Body *b)
{
	w_raw(b->w, "\n");
	for (int i = 0; i < b->f->nargs; i++) {
		const CArg *a = &b->f->arg[i];
		if (a->input || a->fed)
			continue;
		w_open(b->w, "if (%s != NULL) {", a->name);
		w_line(b->w, "(void)memcpy(%s, %s, %s);", a->name,
		       address_text(b->c, b->f->plan, a->v),
		       c_bytes(b->c, value_bytes(a->v)));
		w_close(b->w, "}");
	}
}

/* With the first slice. */
static void put_start(Body *b)
{
	if (b->slice)
		w_open(b->w, "if (k->slice == 0u) {");
	put_inputs(b);
	if (b->f->plan == b->c->p->train) {
		w_line(b->w, "k->step++;");
		w_line(b->w, "k->step_seed = rt_mix(k->seed, k->step);");
	}
	if (!b->slice)
		return;
	w_line(b->w, "k->slice = %du;", ++*b->slice);
	w_close(b->w, "}");
}

static void put_function(Writer *w, CProgram *c, CFunction *f, CStep *step)
{
	int slice = 0;
	Body b = {
		.c = c, .f = f, .w = w, .plan = f->plan,
		.slice = c_is_sliced(c, f) ? &slice : NULL,
		.local = arena_array(c->arena, const char *,
		                     f->plan->graph->nvalues),
	};
	c_put_signature(w, c, f);
	w_end(w);
	w_open(w, "{");
	w_open(w, "if (k == NULL || k->arena == NULL) {");
	w_line(w, "return %s_ERROR_NULL;", c->upper);
	w_close(w, "}");
	c_put_feed_checks(w, c, f);
	if (!b.slice)
		c_put_slice_check(w, c);
	put_start(&b);
	put_steps(&b, step);
	put_outputs(&b);
	if (b.slice)
		w_line(w, "k->slice = 0u;");
	w_line(w, "return %s_OK;", c->upper);
	w_close(w, "}");
	w_raw(w, "\n");
	if (b.slice)
		c_put_sliced_step(w, c, f);
}

void c_put_functions(Writer *w, CProgram *c)
{
	CStep *step[3];
	c_put_kernels(w, c, step);
	for (int f = 0; f < c->nfns; f++)
		put_function(w, c, &c->fn[f], step[f]);
}

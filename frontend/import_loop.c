/*
 * Loop, where the file says how often it may run: its body is put in front of
 * it so many times, each time under the condition that it runs. What is carried
 * from one time to the next is that of the last one that runs; what each time
 * yields is joined at the end. While the condition says so is decided when it is
 * known, as with If (import_branch.c).
 */
#include "frontend/import_body.h"
#include "frontend/import_rules.h"

#include <string.h>

typedef struct Loop {
	Flatten *f;
	const Scope *outer;
	const OnnxNode *n;
	const OnnxBranch *body;
	int64_t opset, times;
	int ncarried, nyields;
	const char *condition;     /* of the iteration; "": it runs */
	const char **carried;      /* what it begins with */
	const char **yielded;      /* [time][condition, then what it yields] */
} Loop;

enum { FIRST_CARRIED = 2 };    /* behind the trip count and the condition */

/* ---- how often ---- */

static const OnnxTensor *constant_of(const Flatten *f, const char *name)
{
	const Name *n = names_find(f->constants, name);
	if (n && n->init >= 0)
		return &f->init[n->init];
	return n ? &f->nodes.node[n->producer].attr[0].t : NULL;
}

/* -1: the file does not say. */
static int64_t trip_count(const Flatten *f, const Scope *s, const OnnxNode *n)
{
	const OnnxTensor *t = *n->in[0] ? constant_of(f, scoped(s, n->in[0]))
	                                : NULL;
	if (!t || !t->data || t->dtype != DT_I64 || numel(t->shape) != 1)
		return -1;
	int64_t times = *(const int64_t *)t->data;
	return times < 0 ? 0 : times;
}

static bool is_sound(const OnnxNode *n)
{
	const OnnxBranch *b = branch_of(n, "body");
	return b && n->nin >= FIRST_CARRIED && b->nin == n->nin &&
	       n->nout && n->nout == b->nout - 1 &&
	       b->nout >= 1 + n->nin - FIRST_CARRIED;
}

bool loop_unrolls(const Flatten *f, const Scope *s, const OnnxNode *n)
{
	int64_t times = is_sound(n) ? trip_count(f, s, n) : -1;
	return times >= 0 && times <= MOST_ITERATIONS;
}

/* ---- one time ---- */

static OnnxTensor scalar(Flatten *f, DType dtype, int64_t x)
{
	int64_t *data = arena_new(f->u->arena, int64_t);
	*data = x;
	if (dtype == DT_BOOL)
		*(uint8_t *)data = x != 0;
	return (OnnxTensor){.name = "", .dtype = dtype, .data = data};
}

static bool push_scalar(Loop *l, Scope *s, const char *name, DType dtype,
                        int64_t x)
{
	Arena *a = l->f->u->arena;
	const char *alias = arena_printf(a, "%s/%s", s->prefix, name);
	OnnxNode c = flatten_constant(l->f, alias, scalar(l->f, dtype, x),
	                              l->n->loc);
	c.opset = l->opset;
	scope_alias(s, name, alias);
	return !*name || flatten_push(l->f, s, c);
}

static bool push_inputs(Loop *l, Scope *s, int64_t time)
{
	const char **in = l->body->in;
	for (int i = 0; i < l->ncarried; i++)
		scope_alias(s, in[FIRST_CARRIED + i], l->carried[i]);
	if (*l->condition)
		scope_alias(s, in[1], l->condition);
	else if (!push_scalar(l, s, in[1], DT_BOOL, 1))
		return false;
	return push_scalar(l, s, in[0], DT_I64, time);
}

static OnnxNode node(Loop *l, const char *op, int nin, int nout)
{
	Arena *a = l->f->u->arena;
	return (OnnxNode){
		.loc = l->n->loc, .op = op, .domain = "", .opset = l->opset,
		.in_body = true,
		.nin = nin, .in = arena_array(a, const char *, nin),
		.nout = nout, .out = arena_array(a, const char *, nout),
	};
}

/* What is one value if an iteration runs, and another if it does not. */
typedef struct Choice {
	int n;
	const char **yes, **no, **out;
} Choice;

/* *before becomes x if the iteration has run. */
static void choose(Loop *l, Choice *c, const char *prefix, const char *x,
                   const char **before)
{
	if (!strcmp(x, *before))
		return;
	c->yes[c->n] = x;
	c->no[c->n] = *before;
	*before = arena_printf(l->f->u->arena, "%s:%d", prefix, c->n);
	c->out[c->n++] = *before;
}

/* An If as it is when it is flat. */
static bool push_choice(Loop *l, const Choice *c, const char *condition)
{
	OnnxNode n = node(l, "If", 1 + 2 * c->n, c->n);
	n.in[0] = condition;
	for (int i = 0; i < c->n; i++) {
		n.in[1 + i] = c->yes[i];
		n.in[1 + c->n + i] = c->no[i];
		n.out[i] = c->out[i];
	}
	return !c->n || flatten_push(l->f, l->outer, n);
}

/* What the next iteration begins with, and whether it runs. */
static bool carry(Loop *l, const Scope *s)
{
	Arena *a = l->f->u->arena;
	const char **out = l->body->out, *condition = l->condition;
	int most = l->ncarried + 1;
	Choice c = {
		.yes = arena_array(a, const char *, most),
		.no = arena_array(a, const char *, most),
		.out = arena_array(a, const char *, most),
	};
	for (int i = 0; i < l->ncarried; i++) {
		const char *x = scoped(s, out[1 + i]);
		if (*condition)
			choose(l, &c, s->prefix, x, &l->carried[i]);
		else
			l->carried[i] = x;
	}
	if (*condition)
		choose(l, &c, s->prefix, scoped(s, out[0]), &l->condition);
	return push_choice(l, &c, condition);
}

/* With a first dimension, along which they are joined. */
static bool yield(Loop *l, const Scope *s, const char **yielded)
{
	static const int64_t first[] = {0};
	Arena *a = l->f->u->arena;
	for (int i = 0; i < l->nyields; i++) {
		OnnxNode n = node(l, "Unsqueeze", 1, 1);
		n.opset = 11;   /* axes are an attribute */
		n.in[0] = scoped(s, l->body->out[1 + l->ncarried + i]);
		n.out[0] = arena_printf(a, "%s:yield%d", s->prefix, i);
		n.nattr = 1;
		n.attr = arena_new(a, OnnxAttr);
		n.attr[0] = (OnnxAttr){.name = "axes", .kind = OA_INTS, .n = 1,
		                       .ints = first};
		yielded[1 + i] = n.out[0];
		if (!flatten_push(l->f, s, n))
			return false;
	}
	return true;
}

static bool iterate(Loop *l, int64_t time)
{
	const char **yielded = l->yielded + time * (1 + l->nyields);
	const char *part = arena_printf(l->f->u->arena, "%lld", (long long)time);
	Scope s;
	yielded[0] = l->condition;
	return scope_open(l->f, l->outer, l->n, l->body, part,
	                  (OnnxGuard){l->condition, true}, &s) &&
	       push_inputs(l, &s, time) &&
	       flatten_body(l->f, &s, l->n, l->body, l->opset) &&
	       yield(l, &s, yielded) && carry(l, &s);
}

/* ---- the end ---- */

static bool push_carried(Loop *l, int i)
{
	OnnxNode n = node(l, "Identity", 1, 1);
	n.in[0] = l->carried[i];
	n.out[0] = scoped(l->outer, l->n->out[i]);
	return !*n.out[0] || flatten_push(l->f, l->outer, n);
}

static bool push_yielded(Loop *l, int i)
{
	int64_t times = l->times;
	OnnxNode n = node(l, "LoopConcat", (int)(2 * times), 1);
	n.domain = OWN_DOMAIN;
	for (int64_t t = 0; t < times; t++) {
		const char **yielded = l->yielded + t * (1 + l->nyields);
		n.in[2 * t] = yielded[0];
		n.in[2 * t + 1] = yielded[1 + i];
	}
	n.out[0] = scoped(l->outer, l->n->out[l->ncarried + i]);
	return !*n.out[0] || flatten_push(l->f, l->outer, n);
}

bool flatten_loop(Flatten *f, const Scope *s, const OnnxNode *n, int64_t opset)
{
	Arena *a = f->u->arena;
	Loop l = {
		.f = f, .outer = s, .n = n, .body = branch_of(n, "body"),
		.opset = opset, .times = trip_count(f, s, n),
		.ncarried = n->nin - FIRST_CARRIED,
		.nyields = n->nout - (n->nin - FIRST_CARRIED),
		.condition = scoped(s, n->in[1]),
	};
	l.carried = arena_array(a, const char *, l.ncarried);
	l.yielded = arena_array(a, const char *, l.times * (1 + l.nyields));
	for (int i = 0; i < l.ncarried; i++)
		l.carried[i] = scoped(s, n->in[FIRST_CARRIED + i]);
	for (int64_t t = 0; t < l.times; t++)
		if (!iterate(&l, t))
			return false;
	for (int i = 0; i < l.ncarried; i++)
		if (!push_carried(&l, i))
			return false;
	for (int i = 0; i < l.nyields; i++)
		if (!push_yielded(&l, i))
			return false;
	return true;
}

/* Inputs: by times, the condition and the value, which is missing where the
 * iteration does not run. */
bool convert_loop_concat(Site *s)
{
	Value **x = arena_array(s->im->u->arena, Value *, s->n->nin);
	const int64_t *runs;
	int n = 0, one;
	for (int i = 1; i < s->n->nin; i += 2) {
		if (s->in[i - 1] &&
		    !site_const_ints(s, i - 1, "cond", &one, &runs))
			return false;
		if (!s->in[i])
			continue;
		if (n && (x[0]->dtype != s->in[i]->dtype ||
		          !shape_equal(x[0]->shape, s->in[i]->shape))) {
			site_error(s, "what it yields has not the same shape each "
			           "time");
			return false;
		}
		x[n++] = s->in[i];
	}
	if (!n) {
		site_error(s, "it never runs, so that the shape of what it yields "
		           "is not known");
		return false;
	}
	s->out[0] = n > 1 ? site_concat(s, 0, n, x) : x[0];
	return s->out[0] != NULL;
}

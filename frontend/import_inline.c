/*
 * Local functions: each call becomes a copy of the function's body, whose
 * values are named after the call's first output and, for a call within a body,
 * its depth: no two calls of one depth have an output in common.
 */
#include "frontend/import.h"

#include <string.h>

enum { MAX_DEPTH = 32 };
static const int64_t MAX_EFFORT = INT64_C(1) << 28;

typedef struct Inline {
	Unit *u;
	const OnnxModel *m;
	NodeList nodes;
	int calls, depth;
	int64_t effort;   /* bytes made, names compared */
} Inline;

void nodes_push(Arena *a, NodeList *list, const OnnxNode *n)
{
	if (list->n == list->room) {
		OnnxNode *old = list->node;
		list->room = list->room ? 2 * list->room : 64;
		list->node = arena_array(a, OnnxNode, list->room);
		if (list->n)
			memcpy(list->node, old, sizeof *old * (size_t)list->n);
	}
	list->node[list->n++] = *n;
}

static bool within_limits(Inline *x, const OnnxNode *n)
{
	if (x->nodes.n < MOST_MADE_NODES && x->calls < MOST_MADE_NODES &&
	    x->effort < MAX_EFFORT)
		return true;
	error_at(x->u, n->loc, "the file's functions make more than %d nodes, "
	         "or too long names and lists", MOST_MADE_NODES);
	return false;
}

/* What a copy of the node will take, before it is made. */
static bool spend(Inline *x, const OnnxFunction *f, const OnnxNode *n)
{
	int64_t names = (int64_t)n->nin + n->nout;
	x->effort += names * ((int64_t)f->nin + f->nout + 8) +
	             n->nattr * (int64_t)sizeof *n->attr;
	return within_limits(x, n);
}

/* What thimble has itself written as functions, for others, it knows. */
static const OnnxFunction *find_function(const OnnxModel *m, const OnnxNode *n)
{
	if (!strcmp(n->domain, OWN_DOMAIN))
		return NULL;
	for (int i = 0; i < m->nfunctions; i++)
		if (!strcmp(m->function[i].name, n->op) &&
		    !strcmp(m->function[i].domain, n->domain))
			return &m->function[i];
	return NULL;
}

/* Names are defined once, so the call's first output is its own. */
static const char *call_name(const OnnxNode *call)
{
	for (int o = 0; o < call->nout; o++)
		if (*call->out[o])
			return call->out[o];
	return call->loc.node;
}

static const char *actual_name(Inline *x, const OnnxFunction *f,
                               const OnnxNode *call, const char *name)
{
	if (!*name)
		return name;
	for (int i = 0; i < f->nin; i++)
		if (!strcmp(f->in[i], name))
			return i < call->nin ? call->in[i] : "";
	for (int o = 0; o < f->nout; o++)
		if (!strcmp(f->out[o], name) && o < call->nout && *call->out[o])
			return call->out[o];
	const char *prefix = call_name(call);
	x->effort += (int64_t)(strlen(prefix) + strlen(name));
	if (!x->depth)
		return arena_printf(x->u->arena, "%s/%s", prefix, name);
	return arena_printf(x->u->arena, "%s/%d/%s", prefix, x->depth, name);
}

static const char **actual_names(Inline *x, const OnnxFunction *f,
                                 const OnnxNode *call, int n,
                                 const char **names)
{
	const char **actual = arena_array(x->u->arena, const char *, n);
	for (int i = 0; i < n; i++)
		actual[i] = actual_name(x, f, call, names[i]);
	return actual;
}

/* The call's, then its own. */
static OnnxGuard *actual_guards(Inline *x, const OnnxFunction *f,
                                const OnnxNode *call, const OnnxNode *n)
{
	int total = call->nguards + n->nguards;
	OnnxGuard *guard = arena_array(x->u->arena, OnnxGuard, total);
	for (int i = 0; i < call->nguards; i++)
		guard[i] = call->guard[i];
	for (int i = 0; i < n->nguards; i++) {
		guard[call->nguards + i] = n->guard[i];
		guard[call->nguards + i].condition =
			actual_name(x, f, call, n->guard[i].condition);
	}
	return guard;
}

static const OnnxAttr *find_attr(const OnnxNode *n, const char *name)
{
	for (int i = 0; i < n->nattr; i++)
		if (!strcmp(n->attr[i].name, name))
			return &n->attr[i];
	return NULL;
}

/* A reference takes the caller's value under the name it has in the body; one
 * that the caller leaves out is left out. */
static void actual_attrs(Inline *x, const OnnxNode *call, OnnxNode *n)
{
	OnnxAttr *attr = arena_array(x->u->arena, OnnxAttr, n->nattr);
	int count = 0;
	for (int i = 0; i < n->nattr; i++) {
		const OnnxAttr *a = &n->attr[i];
		const OnnxAttr *from = a->ref ? find_attr(call, a->ref) : a;
		if (!from)
			continue;
		attr[count] = *from;
		attr[count++].name = a->name;
	}
	n->attr = attr;
	n->nattr = count;
}

static bool expand(Inline *, const OnnxNode *, int depth);

static bool expand_call(Inline *x, const OnnxFunction *f, const OnnxNode *call,
                        int depth)
{
	if (depth == MAX_DEPTH) {
		error_at(x->u, call->loc, "functions call each other more than %d "
		         "deep", MAX_DEPTH);
		return false;
	}
	x->calls++;
	for (int i = 0; i < f->nnodes; i++) {
		OnnxNode n = f->node[i];
		x->depth = depth;
		if (!spend(x, f, &n))
			return false;
		n.in = actual_names(x, f, call, n.nin, n.in);
		n.out = actual_names(x, f, call, n.nout, n.out);
		n.in_body = true;
		n.guard = actual_guards(x, f, call, &n);
		n.nguards += call->nguards;
		n.loc.node = arena_printf(x->u->arena, "%s/%s", call->loc.node,
		                          n.loc.node);
		x->effort += (int64_t)strlen(n.loc.node);
		actual_attrs(x, call, &n);
		if (!expand(x, &n, depth + 1))
			return false;
	}
	return true;
}

static bool expand(Inline *x, const OnnxNode *n, int depth)
{
	x->effort += x->m->nfunctions;
	const OnnxFunction *f = find_function(x->m, n);
	if (!within_limits(x, n))
		return false;
	if (f)
		return expand_call(x, f, n, depth);
	nodes_push(x->u->arena, &x->nodes, n);
	return true;
}

bool import_inline(Unit *u, OnnxModel *m)
{
	Inline x = {.u = u, .m = m};
	if (!m->nfunctions)
		return true;
	for (int i = 0; i < m->nnodes; i++)
		if (!expand(&x, &m->node[i], 0))
			return false;
	m->node = x.nodes.node;
	m->nnodes = x.nodes.n;
	return true;
}

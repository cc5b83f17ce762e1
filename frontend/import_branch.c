/*
 * If: its branches' nodes are put in front of it, each with the condition under
 * which it is there (OnnxNode.guard), and the names of a branch are made its own.
 * The node is left with inputs: the condition, the outputs of the one branch, and
 * those of the other. Which of them counts is decided when the condition is
 * known; nodes of a branch that is not taken are never looked at.
 */
#include "frontend/import.h"

#include <string.h>

enum { MAX_DEPTH = 16 };

typedef struct Flatten {
	Unit *u;
	NodeList nodes;
} Flatten;

/* What a branch defines; the names of all others are those outside of it. */
typedef struct Scope {
	const struct Scope *outer;
	Names *names;
	const char *prefix;
	int depth, nguards;
	OnnxGuard *guard;
} Scope;

static const char *scoped(Flatten *f, const Scope *s, const char *name)
{
	for (; s && *name; s = s->outer)
		if (names_find(s->names, name))
			return arena_printf(f->u->arena, "%s/%s", s->prefix,
			                    name);
	return name;
}

static const char **scoped_all(Flatten *f, const Scope *s, int n,
                               const char **name)
{
	const char **out = arena_array(f->u->arena, const char *, n);
	for (int i = 0; i < n; i++)
		out[i] = scoped(f, s, name[i]);
	return out;
}

static bool push(Flatten *f, const OnnxNode *n)
{
	if (f->nodes.n == MOST_MADE_NODES) {
		error_at(f->u, n->loc, "the file's branches make more than %d "
		         "nodes", MOST_MADE_NODES);
		return false;
	}
	nodes_push(f->u->arena, &f->nodes, n);
	return true;
}

static const OnnxBranch *branch_of(const OnnxNode *n, const char *name)
{
	for (int i = 0; i < n->nattr; i++)
		if (!strcmp(n->attr[i].name, name))
			return n->attr[i].branch;
	return NULL;
}

static bool flatten(Flatten *, const Scope *, OnnxNode, int64_t opset);

static Scope open_scope(Flatten *f, const Scope *outer, const OnnxNode *n,
                        const OnnxBranch *b, bool then)
{
	Arena *a = f->u->arena;
	int held = outer ? outer->nguards : 0;
	Scope s = {
		.outer = outer, .names = names_create(a, 64),
		.prefix = arena_printf(a, "%s/%s", scoped(f, outer, n->out[0]),
		                       then ? "then" : "else"),
		.depth = outer ? outer->depth + 1 : 1,
		.nguards = held + 1,
		.guard = arena_array(a, OnnxGuard, held + 1),
	};
	for (int i = 0; i < held; i++)
		s.guard[i] = outer->guard[i];
	s.guard[held] = (OnnxGuard){scoped(f, outer, n->in[0]), then};
	for (int i = 0; i < b->ninits; i++)
		names_add(s.names, b->init[i].name);
	for (int i = 0; i < b->nnodes; i++)
		for (int o = 0; o < b->node[i].nout; o++)
			if (*b->node[i].out[o])
				names_add(s.names, b->node[i].out[o]);
	return s;
}

/* An initializer of a branch is a constant: nothing else could train it. */
static OnnxNode constant(Flatten *f, const OnnxTensor *t, Loc loc)
{
	OnnxNode n = {.loc = loc, .op = "Constant", .domain = "", .nout = 1,
	              .nattr = 1};
	n.out = arena_array(f->u->arena, const char *, 1);
	n.out[0] = t->name;
	n.attr = arena_new(f->u->arena, OnnxAttr);
	n.attr[0] = (OnnxAttr){.name = "value", .kind = OA_TENSOR, .t = *t};
	return n;
}

static bool flatten_branch(Flatten *f, const Scope *outer, const OnnxNode *n,
                           bool then, int64_t opset, const char **out)
{
	const OnnxBranch *b = branch_of(n, then ? "then_branch" : "else_branch");
	Scope s = open_scope(f, outer, n, b, then);
	for (int i = 0; i < b->ninits; i++)
		if (!flatten(f, &s, constant(f, &b->init[i], n->loc), opset))
			return false;
	for (int i = 0; i < b->nnodes; i++)
		if (!flatten(f, &s, b->node[i], opset))
			return false;
	for (int i = 0; i < b->nout; i++)
		out[i] = scoped(f, &s, b->out[i]);
	return true;
}

/* The condition, and as many outputs of either branch as the node has. */
static bool is_sound(const OnnxNode *n)
{
	const OnnxBranch *a = branch_of(n, "then_branch");
	const OnnxBranch *b = branch_of(n, "else_branch");
	return n->nin == 1 && n->nout && *n->out[0] && a && b &&
	       a->nout == n->nout && b->nout == n->nout;
}

static bool flatten_if(Flatten *f, const Scope *s, const OnnxNode *n,
                       OnnxNode *flat)
{
	if (s && s->depth == MAX_DEPTH) {
		error_at(f->u, n->loc, "branches are nested more than %d deep",
		         MAX_DEPTH);
		return false;
	}
	flat->nin = 1 + 2 * n->nout;
	flat->in = arena_array(f->u->arena, const char *, flat->nin);
	flat->in[0] = scoped(f, s, n->in[0]);
	flat->attr = NULL;
	flat->nattr = 0;
	return flatten_branch(f, s, n, true, flat->opset, flat->in + 1) &&
	       flatten_branch(f, s, n, false, flat->opset,
	                      flat->in + 1 + n->nout);
}

static bool flatten(Flatten *f, const Scope *s, OnnxNode n, int64_t opset)
{
	OnnxNode flat = n;
	flat.opset = opset;
	flat.in = scoped_all(f, s, n.nin, n.in);
	flat.out = scoped_all(f, s, n.nout, n.out);
	flat.nguards = s ? s->nguards : 0;
	flat.guard = s ? s->guard : NULL;
	if (!strcmp(n.op, "If") && !*n.domain && is_sound(&n) &&
	    !flatten_if(f, s, &n, &flat))
		return false;
	return push(f, &flat);
}

static bool has_if(int n, const OnnxNode *node)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(node[i].op, "If"))
			return true;
	return false;
}

static bool flatten_list(Unit *u, int *n, OnnxNode **node)
{
	Flatten f = {.u = u};
	if (!has_if(*n, *node))
		return true;
	for (int i = 0; i < *n; i++)
		if (!flatten(&f, NULL, (*node)[i], (*node)[i].opset))
			return false;
	*n = f.nodes.n;
	*node = f.nodes.node;
	return true;
}

bool import_branches(Unit *u, OnnxModel *m)
{
	bool ok = flatten_list(u, &m->nnodes, &m->node);
	for (int i = 0; i < m->nfunctions && ok; i++)
		ok = flatten_list(u, &m->function[i].nnodes,
		                  &m->function[i].node);
	return ok;
}

/*
 * If: its branches' nodes are put in front of it, each with the condition under
 * which it is there (OnnxNode.guard), and the names of a branch are made its own.
 * The node is left with inputs: the condition, the outputs of the one branch, and
 * those of the other. Which of them counts is decided when the condition is
 * known; nodes of a branch that is not taken are never looked at.
 */
#include "frontend/import_body.h"

#include <string.h>

static const int64_t MAX_EFFORT = INT64_C(1) << 26;

/* ---- scopes ---- */

const char *scoped(const Scope *s, const char *name)
{
	for (; s && *name; s = s->outer) {
		const Name *n = names_find(s->names, name);
		if (n)
			return n->alias;
	}
	return name;
}

static const char **scoped_all(Flatten *f, const Scope *s, int n,
                               const char **name)
{
	const char **out = arena_array(f->u->arena, const char *, n);
	for (int i = 0; i < n; i++)
		out[i] = scoped(s, name[i]);
	return out;
}

void scope_alias(Scope *s, const char *name, const char *alias)
{
	names_add(s->names, name)->alias = alias;
}

static void define(Flatten *f, Scope *s, const char *name)
{
	const char *alias = arena_printf(f->u->arena, "%s/%s", s->prefix, name);
	f->effort += (int64_t)strlen(alias);
	scope_alias(s, name, alias);
}

static void define_all(Flatten *f, Scope *s, const OnnxBranch *b)
{
	for (int i = 0; i < b->ninits; i++)
		define(f, s, b->init[i].name);
	for (int i = 0; i < b->nnodes; i++)
		for (int o = 0; o < b->node[i].nout; o++)
			if (*b->node[i].out[o])
				define(f, s, b->node[i].out[o]);
}

bool scope_open(Flatten *f, const Scope *outer, const OnnxNode *n,
                const OnnxBranch *b, const char *part, OnnxGuard guard,
                Scope *s)
{
	Arena *a = f->u->arena;
	int held = outer ? outer->nguards : 0;
	const char *own = n->nout && *n->out[0] ? n->out[0] : n->loc.node;
	*s = (Scope){
		.outer = outer, .names = names_create(a, 0),
		.prefix = arena_printf(a, "%s/%s", scoped(outer, own), part),
		.depth = outer ? outer->depth + 1 : 1,
		.nguards = held + (*guard.condition != '\0'),
		.guard = arena_array(a, OnnxGuard, held + 1),
	};
	for (int i = 0; i < held; i++)
		s->guard[i] = outer->guard[i];
	s->guard[held] = guard;
	define_all(f, s, b);
	if (f->effort > MAX_EFFORT)
		error_at(f->u, n->loc, "the names in the file's bodies are too "
		         "long");
	return f->effort <= MAX_EFFORT;
}

/* ---- nodes ---- */

static bool is_tensor(const OnnxNode *n)
{
	return !strcmp(n->op, "Constant") && n->nout == 1 && n->nattr == 1 &&
	       n->attr[0].kind == OA_TENSOR;
}

bool flatten_push(Flatten *f, const Scope *s, OnnxNode n)
{
	if (f->nodes.n == MOST_MADE_NODES) {
		error_at(f->u, n.loc, "the file's branches and loops make more "
		         "than %d nodes", MOST_MADE_NODES);
		return false;
	}
	n.in_body |= s != NULL;
	n.nguards = s ? s->nguards : 0;
	n.guard = s ? s->guard : NULL;
	if (is_tensor(&n))
		names_add(f->constants, n.out[0])->producer = f->nodes.n;
	nodes_push(f->u->arena, &f->nodes, &n);
	return true;
}

const OnnxBranch *branch_of(const OnnxNode *n, const char *name)
{
	for (int i = 0; i < n->nattr; i++)
		if (!strcmp(n->attr[i].name, name))
			return n->attr[i].branch;
	return NULL;
}

static bool flatten(Flatten *, const Scope *, const OnnxNode *, int64_t opset);

OnnxNode flatten_constant(Flatten *f, const char *name, OnnxTensor t, Loc loc)
{
	OnnxNode n = {.loc = loc, .op = "Constant", .domain = "", .nout = 1,
	              .nattr = 1};
	n.out = arena_array(f->u->arena, const char *, 1);
	n.out[0] = name;
	n.attr = arena_new(f->u->arena, OnnxAttr);
	n.attr[0] = (OnnxAttr){.name = "value", .kind = OA_TENSOR, .t = t};
	return n;
}

/* An initializer of a body is a constant: nothing else could train it. */
bool flatten_body(Flatten *f, const Scope *s, const OnnxNode *n,
                  const OnnxBranch *b, int64_t opset)
{
	for (int i = 0; i < b->ninits; i++) {
		const char *name = scoped(s, b->init[i].name);
		OnnxNode c = flatten_constant(f, name, b->init[i], n->loc);
		c.opset = opset;
		if (!flatten_push(f, s, c))
			return false;
	}
	for (int i = 0; i < b->nnodes; i++)
		if (!flatten(f, s, &b->node[i], opset))
			return false;
	return true;
}

static bool flatten_branch(Flatten *f, const Scope *outer, const OnnxNode *n,
                           bool then, int64_t opset, const char **out)
{
	const OnnxBranch *b = branch_of(n, then ? "then_branch" : "else_branch");
	OnnxGuard guard = {scoped(outer, n->in[0]), then};
	Scope s;
	if (!scope_open(f, outer, n, b, then ? "then" : "else", guard, &s) ||
	    !flatten_body(f, &s, n, b, opset))
		return false;
	for (int i = 0; i < b->nout; i++)
		out[i] = scoped(&s, b->out[i]);
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
	flat->nin = 1 + 2 * n->nout;
	flat->in = arena_array(f->u->arena, const char *, flat->nin);
	flat->in[0] = scoped(s, n->in[0]);
	flat->attr = NULL;
	flat->nattr = 0;
	return flatten_branch(f, s, n, true, flat->opset, flat->in + 1) &&
	       flatten_branch(f, s, n, false, flat->opset,
	                      flat->in + 1 + n->nout);
}

static bool not_too_deep(Flatten *f, const Scope *s, const OnnxNode *n)
{
	if (!s || s->depth < MAX_DEPTH)
		return true;
	error_at(f->u, n->loc, "branches are nested more than %d deep",
	         MAX_DEPTH);
	return false;
}

static bool is_own(const OnnxNode *n, const char *op)
{
	return !strcmp(n->op, op) && !*n->domain;
}

static bool flatten(Flatten *f, const Scope *s, const OnnxNode *n,
                    int64_t opset)
{
	OnnxNode flat = *n;
	flat.opset = opset;
	if (is_own(n, "Loop") && loop_unrolls(f, s, n))
		return not_too_deep(f, s, n) && flatten_loop(f, s, n, opset);
	flat.in = scoped_all(f, s, n->nin, n->in);
	flat.out = scoped_all(f, s, n->nout, n->out);
	if (is_own(n, "If") && is_sound(n) &&
	    (!not_too_deep(f, s, n) || !flatten_if(f, s, n, &flat)))
		return false;
	return flatten_push(f, s, flat);
}

static bool has_bodies(int n, const OnnxNode *node)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(node[i].op, "If") || !strcmp(node[i].op, "Loop"))
			return true;
	return false;
}

static bool flatten_list(Unit *u, int ninits, const OnnxTensor *init, int *n,
                         OnnxNode **node)
{
	Flatten f = {.u = u, .init = init};
	if (!has_bodies(*n, *node))
		return true;
	f.constants = names_create(u->arena, (size_t)ninits);
	for (int i = 0; i < ninits; i++)
		names_add(f.constants, init[i].name)->init = i;
	for (int i = 0; i < *n; i++)
		if (!flatten(&f, NULL, &(*node)[i], (*node)[i].opset))
			return false;
	*n = f.nodes.n;
	*node = f.nodes.node;
	return true;
}

bool import_branches(Unit *u, OnnxModel *m)
{
	bool ok = flatten_list(u, m->ninits, m->init, &m->nnodes, &m->node);
	for (int i = 0; i < m->nfunctions && ok; i++)
		ok = flatten_list(u, 0, NULL, &m->function[i].nnodes,
		                  &m->function[i].node);
	return ok;
}

/*
 * What one node needs. A node's parent is the one with the longest way to it of
 * all that it reads from. So most of what it needs is above it in a tree, which
 * is found at once by the tree's preorder; for the rest the list is looked
 * through backwards, no further than it must be.
 */
#include "passes/readers.h"

struct Leads {
	const Readers *readers;
	int nnodes;           /* that are in the tree, or not */
	int *begin, *size;    /* by node id: of its subtree, in preorder */
	int *mark, stamp;     /* by node id: `stamp` if p needs it, as far as */
	const Node *p, *looked;   /*   was looked, back to here */
};

static const Node *parent_of(const Node *n, const int *depth)
{
	const Node *deepest = NULL;
	for (int i = 0; i < n->nin; i++) {
		const Node *by = n->in[i] ? n->in[i]->def : NULL;
		if (by && (!deepest || depth[by->id] > depth[deepest->id]))
			deepest = by;
	}
	return deepest;
}

static void number_tree(Leads *l, const Graph *g)
{
	Arena *scratch = arena_create();
	int *next = arena_array(scratch, int, g->nnodes + 1), all = 0;
	int *depth = arena_array(scratch, int, g->nnodes + 1);
	for (const Node *n = g->first; n; n = n->next) {
		const Node *parent = parent_of(n, depth);
		depth[n->id] = parent ? depth[parent->id] + 1 : 0;
	}
	for (const Node *n = g->last; n; n = n->prev) {
		const Node *parent = parent_of(n, depth);
		l->size[n->id]++;
		if (parent)
			l->size[parent->id] += l->size[n->id];
	}
	for (const Node *n = g->first; n; n = n->next) {
		const Node *parent = parent_of(n, depth);
		int *at = parent ? &next[parent->id] : &all;
		l->begin[n->id] = *at;
		*at += l->size[n->id];
		next[n->id] = l->begin[n->id] + 1;
	}
	arena_destroy(scratch);
}

Leads *leads_create(Arena *a, const Graph *g, const Readers *r)
{
	Leads *l = arena_new(a, Leads);
	l->readers = r;
	l->nnodes = g->nnodes;
	l->begin = arena_array(a, int, g->nnodes + 1);
	l->size = arena_array(a, int, g->nnodes + 1);
	l->mark = arena_array(a, int, g->nnodes + 1);
	number_tree(l, g);
	return l;
}

static bool is_above(const Leads *l, const Node *n)
{
	int at = l->begin[l->p->id] - l->begin[n->id];
	return at > 0 && at < l->size[n->id];
}

static void mark_inputs(const Leads *l, const Node *n)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && n->in[i]->def &&
		    n->in[i]->def->id < l->nnodes)
			l->mark[n->in[i]->def->id] = l->stamp;
}

void leads_begin(Leads *l, const Node *p)
{
	l->stamp++;
	l->p = l->looked = p;
	mark_inputs(l, p);
}

bool leads_from(Leads *l, const Node *n)
{
	if (n->id >= l->nnodes)
		return false;
	if (is_above(l, n))
		return true;
	while (readers_precede(l->readers, n, l->looked)) {
		l->looked = l->looked->prev;
		if (l->looked->id < l->nnodes &&
		    l->mark[l->looked->id] == l->stamp)
			mark_inputs(l, l->looked);
	}
	return l->mark[n->id] == l->stamp;
}

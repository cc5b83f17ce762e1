/* Common subexpressions: of two nodes with the same operator, attributes and
 * inputs, the second reads the first's results instead. */
#include "ir/op.h"
#include "passes/pass.h"

#include <string.h>

static bool same_attr(const AttrDef *d, const Attr *a, const Attr *b)
{
	if (a->set != b->set)
		return false;
	switch (d->kind) {
	case ATTR_INT:
		return a->i == b->i;
	case ATTR_FLOAT:
		return !memcmp(&a->f, &b->f, sizeof a->f);
	case ATTR_STRING:
		return a->s == b->s || (a->s && b->s && !strcmp(a->s, b->s));
	case ATTR_INTS:
		return a->n == b->n && (!a->n || !memcmp(a->ints, b->ints,
		       sizeof *a->ints * (size_t)a->n));
	case ATTR_FLOATS:
		return a->n == b->n && (!a->n || !memcmp(a->floats, b->floats,
		       sizeof *a->floats * (size_t)a->n));
	}
	return false;
}

static bool same(const Node *a, const Node *b)
{
	if (a->op != b->op || a->nin != b->nin || a->nout != b->nout)
		return false;
	for (int i = 0; i < a->nin; i++)
		if (a->in[i] != b->in[i])
			return false;
	for (int i = 0; i < a->op->nattrs; i++)
		if (!same_attr(&a->op->attrs[i], &a->attr[i], &b->attr[i]))
			return false;
	return true;
}

static bool replaces_variable(const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->var)
			return true;
	return false;
}

/* Two equal nodes share their first input, so it is enough to compare with the
 * earlier readers of that: a list per value. */
typedef struct Reader {
	Node *node;
	struct Reader *next;
} Reader;

static bool run(Graph *g, const Options *o)
{
	Arena *scratch = arena_create();
	Reader **readers = arena_array(scratch, Reader *, g->nvalues);
	bool changed = false;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		if (!n->nin || !n->in[0] || replaces_variable(n))
			continue;
		Reader **list = &readers[n->in[0]->id], *r = *list;
		while (r && !same(r->node, n))
			r = r->next;
		if (r) {
			for (int i = 0; i < n->nout; i++)
				graph_replace(g, n->out[i], r->node->out[i]);
			graph_remove(g, n);
			changed = true;
			continue;
		}
		r = arena_new(scratch, Reader);
		*r = (Reader){n, *list};
		*list = r;
	}
	arena_destroy(scratch);
	return changed;
}

const Pass pass_cse = {
	"cse", "compute equal subexpressions once",
	.needs = FACT_USES, .run = run,
};

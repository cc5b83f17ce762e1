/*
 * Constant folding: a node that reads only constants is run by the
 * interpreter, and its results become constants. What would grow the program's
 * read-only data (a constant stretched to a tensor) stays a node.
 */
#include "ir/op.h"
#include "passes/pass.h"

enum { SMALL_BYTES = 4096 };

static bool foldable(const Node *n)
{
	int64_t in = 0, out = 0;
	if (!op_computes(n->op))
		return false;
	for (int i = 0; i < n->nin; i++) {
		if (!n->in[i])
			continue;
		if (n->in[i]->kind != V_CONST)
			return false;
		in += value_bytes(n->in[i]);
	}
	for (int o = 0; o < n->nout; o++) {
		if (n->out[o]->var)
			return false;
		out += value_bytes(n->out[o]);
	}
	return out <= SMALL_BYTES || out <= in;
}

static void fold_node(Graph *g, Node *n)
{
	Arena *scratch = arena_create();
	void **buf = arena_array(scratch, void *, g->nvalues);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			buf[n->in[i]->id] = (void *)(uintptr_t)n->in[i]->data;
	for (int o = 0; o < n->nout; o++)
		buf[n->out[o]->id] = arena_alloc(g->unit->arena,
		                                 (size_t)value_bytes(n->out[o]));
	kernel_eval(kernel_of(scratch, n), buf, false);
	for (int o = 0; o < n->nout; o++) {
		n->out[o]->kind = V_CONST;
		n->out[o]->data = buf[n->out[o]->id];
		n->out[o]->def = NULL;
	}
	graph_remove(g, n);
	arena_destroy(scratch);
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		if (foldable(n)) {
			fold_node(g, n);
			changed = true;
		}
	}
	return changed;
}

const Pass pass_fold = {
	"fold", "evaluate nodes whose inputs are constant", .run = run,
};

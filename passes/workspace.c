/* Grants nodes the workspace that their runtime function asks for, where the
 * target has memory for it, or where there is no call without it. */
#include "ir/op.h"
#include "passes/pass.h"

static bool run(Graph *g, const Options *o)
{
	const Core *core = target_or_host(o->target)->core;
	bool changed = false;
	for (Node *n = g->first; n; n = n->next) {
		bool may = core->workspace || n->op->needs_workspace;
		int64_t bytes = may && n->op->workspace ? n->op->workspace(n)
		                                        : 0;
		if (!bytes || node_workspace(n))
			continue;
		Value *w = node_add_output(g, n, DT_U8, (Shape){1, {bytes}});
		w->memory = MEM_WORKSPACE;
		changed = true;
	}
	return changed;
}

const Pass pass_workspace = {
	"workspace", "grant kernels their packing workspace", .run = run,
};

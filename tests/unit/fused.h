/* For tests of updates that are fused: graphs from text, a pass, what it made. */
#ifndef TESTS_FUSED_H
#define TESTS_FUSED_H

#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

static inline Graph *parsed(Unit *u, const char *text)
{
	Graph *g = graph_parse(u, NULL, text);
	cr_assert(g, "%s", text);
	graph_verify(g);
	return g;
}

static inline int run_pass(const Pass *p, Graph *g, const Options *o)
{
	graph_have(g, p->needs);
	bool changed = p->run(g, o);
	g->facts &= ~(unsigned)FACT_USES;
	graph_verify(g);
	return changed;
}

static inline const Node *fused_update(const Graph *g)
{
	for (const Node *n = g->first; n; n = n->next)
		if (n->op == &op_FusedUpdate)
			return n;
	return NULL;
}

/* The rows of the only fused update; -1: there is none. */
static inline int rows_of(const Graph *g)
{
	const Node *n = fused_update(g);
	return n ? (int)fused_update_rows(n) : -1;
}

#endif

/* What a graph computes more than once. */
#include "passes/planner.h"

typedef struct Count {
	Arena *arena;
	bool *first;          /* by node id: it is there itself */
	int64_t flops;
} Count;

static void mark(Count *c, const Node *n)
{
	if (n->again < 0)
		c->first[n->id] = true;
	for (int i = 0; i < n->nbody; i++)
		mark(c, n->body[i]);
}

/* Where the first computation is gone, the first repetition is in its place. */
static void add(Count *c, const Node *n)
{
	for (int i = 0; i < n->nbody; i++)
		add(c, n->body[i]);
	if (n->again < 0 || n->nbody)
		return;
	if (!c->first[n->again])
		c->first[n->again] = true;
	else
		c->flops += node_cost(n).flops;
}

int64_t repeated_flops(const Graph *g)
{
	Count c = {.arena = arena_create()};
	c.first = arena_array(c.arena, bool, g->nnodes + 1);
	for (const Node *n = g->first; n; n = n->next)
		mark(&c, n);
	for (const Node *n = g->first; n; n = n->next)
		add(&c, n);
	arena_destroy(c.arena);
	return c.flops;
}

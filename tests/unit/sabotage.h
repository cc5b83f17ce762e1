/* Harm to a plan that more than one test of the checker does. */
#ifndef TESTS_UNIT_SABOTAGE_H
#define TESTS_UNIT_SABOTAGE_H

#include "ir/plan.h"
#include "tests/unit/random_graph.h"

static inline void move_step(Plan *p, Random *r)
{
	int from = random_int(r, p->nsteps), to = random_int(r, p->nsteps);
	Node *n = p->step[from];
	for (; from < to; from++)
		p->step[from] = p->step[from + 1];
	for (; from > to; from--)
		p->step[from] = p->step[from - 1];
	p->step[to] = n;
}

/* One buffer for the whole run with all values in it: then only the execution
 * on names can find anything. */
static inline void merge_buffers(Plan *p)
{
	for (int v = 0; v < p->graph->nvalues; v++)
		p->place[v].buffer = 0;
	p->nbuffers = 1;
	p->buffer[0] = (Buffer){
		.name = "all", .bytes = p->arena_bytes, .align = 1,
		.last = p->nsteps - 1,
	};
	p->lower_bound = p->arena_bytes;
}

#endif

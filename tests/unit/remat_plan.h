/* The model of recomputation for a plan that exists. */
#ifndef TESTS_REMAT_PLAN_H
#define TESTS_REMAT_PLAN_H

#include "passes/remat.h"

static inline Remat *remat_of_plan(Arena *a, const Plan *plan)
{
	Problem *p = problem_create(a, (Graph *)plan->graph);
	int *task = arena_array(a, int, plan->graph->nnodes + 1);
	int *order = arena_array(a, int, p->ntasks + 1);
	for (int t = 0; t < p->ntasks; t++)
		task[p->task[t].node->id] = t;
	for (int i = 0; i < plan->nsteps; i++)
		order[i] = task[plan->step[i]->id];
	Remat *r = remat_create(a, p, order);
	remat_measure(r, &r->base);
	return r;
}

#endif

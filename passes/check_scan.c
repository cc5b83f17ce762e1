/*
 * The checker's own look at a Scan's output that lies over a part of its input:
 * all steps of all parts, one after the other. What has been stored so far must
 * end before what a step loads.
 */
#include "passes/check_overlap.h"

/* Where a value of the graph for one part is, if it is in the memory that the
 * whole of `base` takes: bytes from where part `part` of that begins. */
static bool lies_in(const Plan *plan, const Value *v, const Value *base,
                    int64_t part, int64_t *lo, int64_t *hi)
{
	const Place *p = v ? &plan->place[v->id] : NULL;
	if (!p || p->region != REGION_OUTER || p->base != base)
		return false;
	*lo = part * value_bytes(base) + p->offset;
	*hi = *lo + value_bytes(v);
	return true;
}

bool scan_overlap_is_safe(const Node *n, int i, int o, int64_t ahead)
{
	const Plan *plan = n->scan->plan;
	const Graph *g = n->scan->graph;
	int64_t lo, hi, stored = INT64_MIN;
	if (o >= g->noutputs || g->input[i]->role != IN_PART ||
	    g->output[o].role != OUT_ROWS)
		return false;
	for (int64_t part = 0; part < n->scan->parts; part++)
		for (int s = 0; s < plan->nsteps; s++) {
			const Node *m = plan->step[s];
			if (plan_skips(plan, m))
				continue;
			for (int k = 0; k < m->nout; k++)
				if (lies_in(plan, m->out[k], g->output[o].value,
				            part, &lo, &hi) &&
				    hi - ahead > stored)
					stored = hi - ahead;
			for (int k = 0; k < m->nin; k++)
				if (lies_in(plan, m->in[k], g->input[i], part,
				            &lo, &hi) && lo < stored)
					return false;
		}
	return true;
}

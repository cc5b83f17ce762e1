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

/* Where what the step stores of `out` in this part ends, if it is behind `end`. */
static int64_t end_of_stores(const Plan *plan, const Node *step, const Value *out,
                             int64_t part, int64_t end)
{
	int64_t lo, hi;
	for (int k = 0; k < step->nout; k++)
		if (lies_in(plan, step->out[k], out, part, &lo, &hi) && hi > end)
			end = hi;
	return end;
}

/* Does the step load something of `in` in this part that begins before `end`? */
static bool loads_before(const Plan *plan, const Node *step, const Value *in,
                         int64_t part, int64_t end)
{
	int64_t lo, hi;
	for (int k = 0; k < step->nin; k++)
		if (lies_in(plan, step->in[k], in, part, &lo, &hi) && lo < end)
			return true;
	return false;
}

/* The steps that do something; their number. */
static int acting_steps(const Plan *plan, const Node *step[])
{
	int n = 0;
	for (int s = 0; s < plan->nsteps; s++)
		if (!plan_skips(plan, plan->step[s]))
			step[n++] = plan->step[s];
	return n;
}

static bool parts_in_order(const Node *n, const Value *in, const Value *out,
                           int64_t ahead, const Node *step[])
{
	const Plan *plan = n->scan->plan;
	int nsteps = acting_steps(plan, step);
	int64_t end = 0;   /* of all that is stored so far, in `out` */
	for (int64_t part = 0; part < n->scan->parts; part++)
		for (int s = 0; s < nsteps; s++) {
			end = end_of_stores(plan, step[s], out, part, end);
			if (end > 0 &&
			    loads_before(plan, step[s], in, part, end - ahead))
				return false;
		}
	return true;
}

bool scan_overlap_is_safe(const Node *n, int i, int o, int64_t ahead)
{
	const Graph *g = n->scan->graph;
	if (o >= g->noutputs || g->input[i]->role != IN_PART ||
	    g->output[o].role != OUT_ROWS)
		return false;
	Arena *scratch = arena_create();
	const Node **step = arena_array(scratch, const Node *,
	                                n->scan->plan->nsteps);
	bool safe = parts_in_order(n, g->input[i], g->output[o].value, ahead,
	                           step);
	arena_destroy(scratch);
	return safe;
}

/*
 * Recomputation inside of loops over the parts of a batch. What a loop takes for
 * one part is the largest of what it keeps from its forward to its backward pass;
 * where a step with a loop exceeds a budget by less than that, the nodes for one
 * part are themselves put into a sequence in which some run twice (remat.h).
 */
#ifndef PASSES_SHRINK_H
#define PASSES_SHRINK_H

#include "ir/options.h"
#include "ir/plan.h"

/* The plan with smaller loops, if they can make it as small as that; or as near
 * to it as was found. NULL: nothing can be won. The plan stays as it is. */
Plan *shrink_loops(const Plan *, int64_t arena_bytes, const Options *);

#endif

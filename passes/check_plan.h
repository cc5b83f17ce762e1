/*
 * The parts of the checker: check.c executes the plan, check_buffers.c looks at
 * what it claims, check_overlap.c at loops that write over what they read.
 */
#ifndef PASSES_CHECK_PLAN_H
#define PASSES_CHECK_PLAN_H

#include "ir/plan.h"

/* NULL, or what is wrong with the buffers. */
const char *check_buffers(Arena *, const Plan *);

#endif

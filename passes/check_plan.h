/*
 * The parts of the checker: check.c executes the plan, check_buffers.c and
 * check_place.c look at what it claims, check_overlap.c and check_scan.c at loops
 * that write over what they read. Results are NULL, or what is wrong.
 */
#ifndef PASSES_CHECK_PLAN_H
#define PASSES_CHECK_PLAN_H

#include "ir/plan.h"

const char *check_buffers(Arena *, const Plan *);

/* Where the value is, if it is its own memory; anything in the arena. */
const char *check_place(Arena *, const Plan *, const Value *);
const char *check_arena_place(Arena *, const Plan *, const Value *);
/* A buffer must live, as wide as that, whenever a value in it is used. Its place
 * has been checked. */
const char *check_life(Arena *, const Plan *, const Value *, int step);

/* Does the Scan that the graph is of have memory for it? */
bool is_scan_result(const Graph *, const Value *);

#endif

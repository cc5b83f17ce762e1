/* Readable names for what passes made. */
#ifndef PASSES_NAMES_H
#define PASSES_NAMES_H

#include "ir/plan.h"
#include "ir/table.h"

#include <stdbool.h>

/* Has the value no name but its number, "_12"? */
bool name_is_made_up(const char *);
/* Adds the names of all values that have one. */
void names_take(Table *, const Graph *);

/*
 * Names each such value of the plan's graph, and of the loops in it, after the
 * ONNX node that it is computed for and what it is: "/1/BatchNormalization.mean",
 * "/2/Relu.Where". Then the buffers that were made for them. For people alone: call
 * it when nothing more is planned.
 */
void plan_name(const Plan *);

#endif

/* project() of a RecurrenceGradWeight. */
#ifndef PASSES_PROJECT_RECURRENCE_H
#define PASSES_PROJECT_RECURRENCE_H

#include "passes/project.h"

Value *project_recurrence(Graph *, const Node *, Value *basis, Side);

#endif

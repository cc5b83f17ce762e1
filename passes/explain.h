/* What each technique saves. */
#ifndef PASSES_EXPLAIN_H
#define PASSES_EXPLAIN_H

#include "ir/options.h"
#include "ir/plan.h"

/* Fills the program's savings: of the function whose graph, before the passes, is
 * g, and which is planned in an arena of so many bytes. */
void explain(Program *, const Graph *g, int64_t arena_bytes, const Options *);

#endif

/* What --low-rank and --sketch come to. */
#ifndef PASSES_THIN_H
#define PASSES_THIN_H

#include "passes/allow.h"

/* Warns of those that change nothing. */
void warn_of_thin(const Graph *forward, const Options *);

/* What they save, and cost, each and together: the program, or the same before any
 * budget, beside programs without. Warns if that is less than nothing. */
ThinTotal *total_thin(const Program *, const Graph *forward, const Options *,
                      ProgramBuilder *);

#endif

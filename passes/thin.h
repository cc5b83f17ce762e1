/* What --low-rank and --sketch come to. */
#ifndef PASSES_THIN_H
#define PASSES_THIN_H

#include "passes/allow.h"

/* Warns of those that change nothing. */
void warn_of_thin(const Graph *forward, const Options *);

/* Fills what they save, and cost, all together: beside the program without them. */
void total_thin(Program *, const Graph *forward, const Options *,
                ProgramBuilder *);

#endif

/*
 * Changes of what is learned that a budget may make (Options.allow), where
 * nothing exact makes the program fit.
 */
#ifndef PASSES_ALLOW_H
#define PASSES_ALLOW_H

#include "ir/options.h"
#include "ir/plan.h"

/* Is there an optimizer? False after a reported error. */
bool check_allowed(const Graph *, const Options *);

/* The program of a forward graph that is its own; NULL after an error. */
typedef Program *ProgramBuilder(Graph *forward, const Options *);

/* The program with the least change that fits; or, where none does, the smallest,
 * which may be `exact`. `forward` stays as it is. */
Program *allow_changes(Program *exact, const Graph *forward, const Options *,
                       ProgramBuilder *);

/* Adds to the curve of p what lies below its end: the rungs in the order in which
 * a budget would choose them. */
void allow_points(Program *p, const Graph *forward, const Options *,
                  ProgramBuilder *);

#endif

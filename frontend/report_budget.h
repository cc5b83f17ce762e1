/*
 * What a RAM budget led to, as JSON and as text: whether it fits, what was done
 * for it, and the curve of memory against recomputed operations.
 */
#ifndef FRONTEND_REPORT_BUDGET_H
#define FRONTEND_REPORT_BUDGET_H

#include "ir/plan.h"

#include <jansson.h>

/* Adds what there is to say of a budget, of a limit to recomputation, of what
 * techniques save, and of the curve. */
void report_budget_json(json_t *report, const Program *);
void report_budget_table(FILE *, const Program *);

/* What the smallest program that was found needs its memory for, as the end of
 * a message; in the arena of the unit. */
const char *report_what_binds(const Program *);

#endif

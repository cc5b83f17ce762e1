/* Whose optimizer state is smaller than it would be, as gradients of a low rank or
 * as a sketch, what that saves, whether the gradient is yet whole in memory, and
 * why others' state is whole; as JSON and as text.
 * Nothing where nothing was asked for. */
#ifndef FRONTEND_REPORT_THIN_H
#define FRONTEND_REPORT_THIN_H

#include "ir/plan.h"

#include <jansson.h>

void report_thin_json(json_t *report, const Program *);
void report_thin_table(FILE *, const Program *);

#endif

/* Which gradients have a low rank, what that saves, and why others are whole; as
 * JSON and as text. Nothing where none was asked for. */
#ifndef FRONTEND_REPORT_LOW_RANK_H
#define FRONTEND_REPORT_LOW_RANK_H

#include "ir/plan.h"

#include <jansson.h>

void report_low_rank_json(json_t *report, const Program *);
void report_low_rank_table(FILE *, const Program *);

#endif

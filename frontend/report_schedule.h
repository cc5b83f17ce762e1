/* The schedule as text: what runs when, and how much lives meanwhile. */
#ifndef FRONTEND_REPORT_SCHEDULE_H
#define FRONTEND_REPORT_SCHEDULE_H

#include "frontend/report.h"

/* Of report_plan(), in 80 columns whatever the names. Views are left out: they need
 * no code. */
void report_schedule(FILE *, const Program *);

#endif

/*
 * The report's pictures as SVG, for files (--picture), for the page and for
 * printing: drawn once, from the figures of the report.
 */
#ifndef FRONTEND_REPORT_SVG_H
#define FRONTEND_REPORT_SVG_H

#include "frontend/report.h"

/* The arena of a function over time: a rectangle for each buffer. */
void report_svg_arena(FILE *, const Program *, const Plan *);
/* The curve of --sweep, RAM against operations; nothing without --sweep. */
void report_svg_curve(FILE *, const Program *);
bool report_has_curve(const Program *);

/* What --picture writes: the curve if it was asked for, or else the arena of
 * report_plan(). */
void report_svg(FILE *, const Program *);

#endif

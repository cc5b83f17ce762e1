/*
 * The memory report, as JSON (for NAME.report.json and `plan --json`), as text
 * and as a page: what every byte is for, and how long.
 */
#ifndef FRONTEND_REPORT_H
#define FRONTEND_REPORT_H

#include "ir/options.h"
#include "ir/plan.h"

#include <jansson.h>

typedef struct ReportInfo {
	const char *target, *optimizer, *loss;   /* as the user wrote them */
	int64_t code_bytes, rodata_bytes;        /* in flash; 0: unknown */
} ReportInfo;

/* The samples in one call; 0 if the first input has no dimensions. */
int64_t report_batch(const Program *);

/* All but the steps and the buffers; then with those of report_plan(). */
json_t *report_summary(const Program *, const ReportInfo *);
json_t *report_json(const Program *, const ReportInfo *);
void report_table(FILE *, const Program *, const ReportInfo *, int nbuffers);

/* Bytes per class in the state, and at the peak: the arena's, and the state's,
 * which lives always. Without the gaps that alignment leaves. */
void report_state(const Program *, int64_t bytes[NMEMCLASS]);
void report_peak(const Program *, int64_t bytes[NMEMCLASS]);

/* NAME.report.html: the same as a page that needs no other file. */
void report_html(FILE *, const Program *, const ReportInfo *);

/* Prints the JSON with an end of line, and drops it. */
void json_print(FILE *, json_t *);

#endif

/* The files of frontend/report/, put into the compiler by the build. */
#ifndef FRONTEND_REPORT_FILES_H
#define FRONTEND_REPORT_FILES_H

typedef struct ReportFile {
	const char *name, *text;   /* "frontend/report/page.js"; the last has none */
} ReportFile;

extern const ReportFile report_files[];

#endif

/*
 * Writer: lines of C, indented by tabs and wrapped at 80 columns.
 *
 * A line is collected with w_put() and written by w_end(). C does not care
 * where a space is a newline, so a long line may be broken at any space outside
 * of quotes; preprocessor lines go through w_raw().
 */
#ifndef BACKEND_WRITER_H
#define BACKEND_WRITER_H

#include "ir/arena.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct Writer {
	FILE *out;
	Arena *arena;
	int indent;
	char *line;         /* being collected */
	size_t length, max;
} Writer;

#define WRITER_PRINTF __attribute__((format(printf, 2, 3)))

void w_put(Writer *, const char *fmt, ...) WRITER_PRINTF;
void w_end(Writer *);
void w_line(Writer *, const char *fmt, ...) WRITER_PRINTF;  /* put and end */
void w_open(Writer *, const char *fmt, ...) WRITER_PRINTF;  /* line, indent */
void w_close(Writer *, const char *text);                   /* unindent, line */
void w_comment(Writer *, const char *text);
void w_raw(Writer *, const char *fmt, ...) WRITER_PRINTF;   /* as it is */

/* If what is collected from column `at` on begins with a ( and ends with the )
 * that matches it, drops the two. */
void w_strip_parens(Writer *, size_t at);

#endif

/* Names of any length and any bytes, in so many columns of a terminal. */
#ifndef FRONTEND_TEXT_FIT_H
#define FRONTEND_TEXT_FIT_H

#include "ir/arena.h"

/* The columns that text takes: two for wide characters, none for marks that
 * combine with the one before. What is no character takes one: text_fit()
 * writes a question mark for it. */
int text_columns(const char *);

/* The text in at most `width` columns, which are at least 5: if it is longer, its
 * beginning and its end with ".." between. Always valid UTF-8 without control
 * characters. */
char *text_fit(Arena *, const char *, int width);

/* text_fit(), filled up with spaces to `width` columns. */
char *text_cell(Arena *, const char *, int width);

#endif

/*
 * The public format of packing problems: text with a line of column names and
 * one line for each item, in any order of columns:
 *
 *   id,lower,upper,size
 *   b1,0,3,4
 *
 * An item lives in [lower, upper). A column `alignment` (or `align`) is obeyed,
 * `offset` is replaced, all others are kept as they are.
 */
#ifndef FRONTEND_PACK_CSV_H
#define FRONTEND_PACK_CSV_H

#include "ir/unit.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct PackTable {
	int n;
	int64_t *lower, *upper, *size;
	int64_t *align;          /* 1 where the file does not say */
	const char *header;      /* without an `offset` column, as are: */
	const char **row;
} PackTable;

/* False after file_error(): for each bad line one, up to a limit. What comes
 * out satisfies what pack() asks for. */
bool pack_csv_parse(Unit *, const char *path, const char *text, size_t size,
                    PackTable *);
bool pack_csv_read(Unit *, const char *path, PackTable *);
/* The table with offset[] as its last column. */
void pack_csv_print(FILE *, const PackTable *, const int64_t offset[]);

#endif

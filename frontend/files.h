/*
 * Files: reading them whole, writing them whole or not at all.
 *
 * Every function reports its failure with the name of the file, and counts it
 * as an error of the unit.
 */
#ifndef FRONTEND_FILES_H
#define FRONTEND_FILES_H

#include "ir/unit.h"

#include <signal.h>
#include <stdbool.h>

void file_error(Unit *, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The file's bytes in the unit's arena, unpacked if it is a gzip file, with a
 * NUL after them that `*size` does not count: no more than 1 GiB, unless the file
 * itself has them. NULL after file_error(). */
unsigned char *file_read(Unit *, const char *path, size_t *size);

/*
 * A file that is written beside its place and moved there when it is complete:
 * whoever looks sees the old contents or the new ones. One that is open when the
 * program ends goes, as does a directory of dir_make_unique(); signals that end it
 * wait until there is none. Links are followed, and what is there and no file (a
 * device, a pipe) is written to as it is.
 */
typedef struct OutFile {
	Unit *unit;
	const char *path, *place;   /* as the user says; without links */
	const char *temporary;      /* NULL: it is written in its place */
	FILE *f;
} OutFile;

bool out_open(Unit *, const char *path, OutFile *);
bool out_close(OutFile *);      /* false after file_error() */
void out_abandon(OutFile *);    /* leaves nothing behind */

bool file_write(Unit *, const char *path, const void *data, size_t size);

bool dir_make(Unit *, const char *path);            /* and its parents */
/* A new directory whose name begins with `prefix`; NULL after file_error(). */
char *dir_make_unique(Unit *, const char *prefix);
/* Removes such a directory and the files in it, if it was not moved away. */
void dir_remove(const char *path);

/* SIGHUP, SIGINT and SIGTERM, but those that this program was told to ignore. */
void ending_signals(sigset_t *);

/*
 * The path of the file for a tensor called `name`: DIR/NAME + suffix, its
 * folders made. Names come from a model and may hold slashes; one that would
 * lead out of DIR is an error: NULL.
 */
char *file_for_name(Unit *, const char *dir, const char *name,
                    const char *suffix);

/* The last part of the path, without the extension. */
char *file_stem(Arena *, const char *path);
bool path_has_suffix(const char *path, const char *suffix);

#endif

#include "ir/diag.h"

#include "ir/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void report(Unit *u, Loc loc, const char *kind, const char *fmt,
                   va_list ap)
{
	fprintf(u->messages, "%s: %s: ", u->path, kind);
	if (loc.op && loc.node)
		fprintf(u->messages, "%s '%s': ", loc.op, loc.node);
	else if (loc.node)
		fprintf(u->messages, "'%s': ", loc.node);
	vfprintf(u->messages, fmt, ap);
	fputc('\n', u->messages);
}

/* A broken file can have as many errors as it has bytes. */
enum { MAX_SHOWN = 100 };

void error_at(Unit *u, Loc loc, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (u->nerrors < MAX_SHOWN)
		report(u, loc, "error", fmt, ap);
	else if (u->nerrors == MAX_SHOWN)
		fprintf(u->messages, "%s: more errors; they are not shown\n",
		        u->path);
	va_end(ap);
	u->nerrors++;
}

void warn_at(Unit *u, Loc loc, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	report(u, loc, "warning", fmt, ap);
	va_end(ap);
	u->nwarnings++;
}

noreturn void bug(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "thimble: internal error at %s:%d: ", file, line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

/* fopencookie(): a stream of open_memstream() that finds no memory drops what is
 * written, and is in no state of error then (glibc 2.36). */
#define _GNU_SOURCE
#include "ir/memo.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool grow(Memo *m, size_t least)
{
	size_t room = m->room ? 2 * m->room : 256;
	while (room < least)
		room *= 2;
	char *text = malloc(room);
	if (!text)
		return false;
	if (m->size)
		memcpy(text, m->text, m->size);
	free(m->text);
	m->text = text;
	m->room = room;
	return true;
}

/* Ends no program: exit() writes what a stream still has. */
static ssize_t append(void *memo, const char *data, size_t size)
{
	Memo *m = memo;
	if (m->size + size > m->room && !grow(m, m->size + size))
		return 0;
	memcpy(m->text + m->size, data, size);
	m->size += size;
	return (ssize_t)size;
}

void memo_open(Memo *m)
{
	*m = (Memo){0};
	m->f = fopencookie(m, "w", (cookie_io_functions_t){.write = append});
	if (!m->f)
		out_of_memory(0);
}

char *memo_close(Memo *m, Arena *a)
{
	int bad = ferror(m->f);
	if (fclose(m->f) || bad)
		out_of_memory(m->size);
	char *copy = arena_strndup(a, m->size ? m->text : "", m->size);
	free(m->text);
	return copy;
}

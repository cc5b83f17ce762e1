#include "ir/memo.h"

#include <stdlib.h>

void memo_open(Memo *m)
{
	*m = (Memo){0};
	m->f = open_memstream(&m->text, &m->size);
	if (!m->f)
		out_of_memory(0);
}

/* What a stream in memory cannot write, it has no memory for. */
char *memo_close(Memo *m, Arena *a)
{
	int bad = ferror(m->f);
	if (fclose(m->f) || bad)
		out_of_memory(m->size);
	char *copy = arena_strndup(a, m->text, m->size);
	free(m->text);
	return copy;
}

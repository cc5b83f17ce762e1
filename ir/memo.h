/*
 * Memo: text that is written to memory as to a file, and then kept in an arena.
 * As with arenas, nobody checks whether there was memory for it.
 */
#ifndef IR_MEMO_H
#define IR_MEMO_H

#include "ir/arena.h"

#include <stdio.h>

typedef struct Memo {
	FILE *f;
	char *text;
	size_t size, room;
} Memo;

/* The stream has the address of the Memo. */
void memo_open(Memo *);
/* The text, with a NUL behind its `size` bytes. */
char *memo_close(Memo *, Arena *);

#endif

/*
 * For the checker: memory that knows whose contents it holds, byte by byte.
 */
#ifndef PASSES_CHECK_MEMORY_H
#define PASSES_CHECK_MEMORY_H

#include "ir/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes [lo, hi) hold what is called `what`, from its byte `from` on. */
typedef struct Span {
	int64_t lo, hi;
	int what;
	int64_t from;
} Span;

typedef struct Memory {
	int nspans, maxspans;
	Span *span;            /* disjoint, by address */
} Memory;

bool memory_is_taken(const Memory *, int64_t lo, int64_t hi);
void memory_forget(Arena *, Memory *, int64_t lo, int64_t hi);
void memory_write(Arena *, Memory *, Span);
bool memory_holds(const Memory *, Span);

#endif

/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput;
 * libFuzzer drives it (THIMBLE_FUZZ=ON), or replay.c, which needs no clang.
 *
 * Whatever the bytes are: no signal, no leak, and an answer if and only if
 * nothing was reported.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "ir/splitmix.h"
#include "ir/unit.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
size_t LLVMFuzzerCustomMutator(uint8_t *, size_t size, size_t room,
                               unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *, size_t size, size_t room);

typedef struct Trial {
	Unit u;
	char *said;
	size_t size;
} Trial;

static inline void trial_begin(Trial *t, const char *path)
{
	*t = (Trial){.u = {.path = path, .arena = arena_create()}};
	t->u.messages = open_memstream(&t->said, &t->size);
}

static inline void trial_end(Trial *t, bool accepted)
{
	fclose(t->u.messages);
	if (accepted != !t->u.nerrors)
		BUG("%s with %d errors", accepted ? "accepted" : "refused",
		    t->u.nerrors);
	if (t->u.nerrors && !t->size)
		BUG("an error without words");
	free(t->said);
	arena_destroy(t->u.arena);
}

/* FNV-1a: what else is tried with the bytes depends on them alone. */
static inline uint64_t fuzz_hash(const uint8_t *data, size_t size)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < size; i++)
		h = (h ^ data[i]) * 0x100000001b3u;
	return h ^ h >> 31;
}

/* Any of 0..n-1. */
static inline uint32_t fuzz_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((splitmix64(state) >> 32) * n >> 32);
}

/* The bytes with a zero behind them, as file_read() gives them. */
static inline unsigned char *fuzz_text(Arena *a, const uint8_t *data,
                                       size_t size)
{
	return (unsigned char *)arena_strndup(a, size ? (const char *)data : "",
	                                      size);
}

#endif

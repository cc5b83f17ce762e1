#include "ir/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Block {
	struct Block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char data[];
} Block;

struct Arena {
	Block *block;
	size_t used;
};

enum { BLOCK_BYTES = 1 << 16 };

void out_of_memory(size_t more)
{
	if (more)
		fprintf(stderr, "thimble: out of memory (%zu bytes more)\n",
		        more);
	else
		fputs("thimble: out of memory\n", stderr);
	exit(1);
}

void *memory_alloc(size_t size)
{
	void *p = malloc(size ? size : 1);
	if (!p)
		out_of_memory(size);
	return p;
}

Arena *arena_create(void)
{
	Arena *a = calloc(1, sizeof *a);
	if (!a)
		out_of_memory(sizeof *a);
	return a;
}

void arena_destroy(Arena *a)
{
	for (Block *b = a->block, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

/* A big request gets a block of its own, behind the one being filled. */
static void *alloc_large(Arena *a, size_t size)
{
	Block *b = calloc(1, sizeof *b + size);
	if (!b)
		out_of_memory(size);
	b->used = b->size = size;
	if (a->block) {
		b->next = a->block->next;
		a->block->next = b;
	} else {
		a->block = b;
	}
	return b->data;
}

static void add_block(Arena *a)
{
	Block *b = calloc(1, sizeof *b + BLOCK_BYTES);
	if (!b)
		out_of_memory(BLOCK_BYTES);
	b->size = BLOCK_BYTES;
	b->next = a->block;
	a->block = b;
}

void *arena_alloc(Arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	if (size > SIZE_MAX / 2)
		out_of_memory(size);
	size = (size + align - 1) / align * align;
	a->used += size;
	if (size > BLOCK_BYTES / 4)
		return alloc_large(a, size);
	if (!a->block || a->block->size - a->block->used < size)
		add_block(a);
	void *p = a->block->data + a->block->used;
	a->block->used += size;
	return p;
}

void *arena_calloc(Arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		out_of_memory(SIZE_MAX);
	return arena_alloc(a, count * size);
}

char *arena_strndup(Arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);
	memcpy(copy, s, len);
	return copy;
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	char *s = arena_alloc(a, (size_t)len + 1);
	vsnprintf(s, (size_t)len + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return s;
}

size_t arena_used(const Arena *a)
{
	return a->used;
}

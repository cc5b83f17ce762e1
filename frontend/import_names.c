/* Open addressing with linear probing; the table doubles when half full. */
#include "frontend/import_names.h"

#include <string.h>

struct Names {
	Arena *arena;
	size_t used, size;   /* size: a power of two */
	Name **slot;
};

static size_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;
	while (*s)
		h = (h ^ (unsigned char)*s++) * 0x100000001b3u;
	return (size_t)(h ^ h >> 29);
}

Names *names_create(Arena *a, size_t expected)
{
	Names *t = arena_new(a, Names);
	t->arena = a;
	t->size = 64;
	while (t->size < 2 * expected)
		t->size *= 2;
	t->slot = arena_array(a, Name *, t->size);
	return t;
}

static Name **find_slot(const Names *t, const char *text)
{
	size_t i = hash(text) & (t->size - 1);
	while (t->slot[i] && strcmp(t->slot[i]->text, text))
		i = (i + 1) & (t->size - 1);
	return &t->slot[i];
}

Name *names_find(const Names *t, const char *text)
{
	return *find_slot(t, text);
}

static void grow(Names *t)
{
	Name **old = t->slot;
	size_t size = t->size;
	t->size *= 2;
	t->slot = arena_array(t->arena, Name *, t->size);
	for (size_t i = 0; i < size; i++)
		if (old[i])
			*find_slot(t, old[i]->text) = old[i];
}

Name *names_add(Names *t, const char *text)
{
	Name **slot = find_slot(t, text);
	if (*slot)
		return *slot;
	if (2 * ++t->used > t->size) {
		grow(t);
		slot = find_slot(t, text);
	}
	Name *n = *slot = arena_new(t->arena, Name);
	n->text = text;
	n->producer = n->init = -1;
	return n;
}

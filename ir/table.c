/* Open addressing; half empty at least. */
#include "ir/table.h"

#include <stdint.h>
#include <string.h>

typedef struct Entry {
	const char *name;
	void *thing;
} Entry;

struct Table {
	Arena *arena;
	size_t used, size;     /* size: a power of two */
	Entry *entry;
};

/* FNV-1a */
static size_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

/* Where the name is, or the free place for it. */
static Entry *slot(const Table *t, const char *name)
{
	size_t i = hash(name) & (t->size - 1);
	while (t->entry[i].name && strcmp(t->entry[i].name, name))
		i = (i + 1) & (t->size - 1);
	return &t->entry[i];
}

Table *table_create(Arena *a)
{
	Table *t = arena_new(a, Table);
	t->arena = a;
	t->size = 64;
	t->entry = arena_array(a, Entry, t->size);
	return t;
}

static void grow(Table *t)
{
	Entry *old = t->entry;
	t->size *= 2;
	t->entry = arena_array(t->arena, Entry, t->size);
	for (size_t i = 0; i < t->size / 2; i++)
		if (old[i].name)
			*slot(t, old[i].name) = old[i];
}

bool table_add(Table *t, const char *name, void *thing)
{
	Entry *e = slot(t, name);
	if (e->name)
		return false;
	*e = (Entry){name, thing};
	if (++t->used > t->size / 2)
		grow(t);
	return true;
}

void *table_find(const Table *t, const char *name)
{
	return slot(t, name)->thing;
}

void table_hide(Table *t, const char *name)
{
	slot(t, name)->thing = NULL;
}

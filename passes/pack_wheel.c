/*
 * The squeaky wheel: place the items, see which ended up above the goal, move
 * those forward in the order, the further the higher they were; again.
 * (Joslin and Clements, "Squeaky Wheel" Optimization, JAIR 1999.)
 */
#include "ir/splitmix.h"
#include "passes/pack_part.h"

#include <stdlib.h>

typedef struct Spoke {
	int64_t key;
	int item;
} Spoke;

static int earlier(const void *pa, const void *pb)
{
	const Spoke *a = pa, *b = pb;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->item - b->item;
}

static int64_t height_of(const PackPart *p, const int64_t offset[])
{
	int64_t height = 0;
	for (int i = 0; i < p->n; i++)
		if (offset[i] + p->size[i] > height)
			height = offset[i] + p->size[i];
	return height;
}

/* By how much of its place (of 1024) an item that ends at `top` moves up. */
static int64_t blame(int64_t top, int64_t goal, int64_t height)
{
	if (top <= goal)
		return 0;
	return 256 + (int64_t)(512.0 * (double)(top - goal) /
	                       (double)(height - goal));
}

static void reorder(const PackPart *p, const int64_t offset[], Spoke spoke[],
                    int by[], uint64_t *seed)
{
	int64_t height = height_of(p, offset);
	int64_t goal = p->goal + (height - p->goal) / 2;
	for (int i = 0; i < p->n; i++) {
		int v = by[i];
		int64_t up = blame(offset[v] + p->size[v], goal, height);
		int64_t noise = (int64_t)(splitmix64(seed) % 2048);
		spoke[i] = (Spoke){(int64_t)i * (1024 - up) + noise, v};
	}
	qsort(spoke, (size_t)p->n, sizeof *spoke, earlier);
	for (int i = 0; i < p->n; i++)
		by[i] = spoke[i].item;
}

void pack_wheel(PackPart *p, PackFill *f, int by[], int64_t rounds)
{
	Arena *scratch = arena_create();
	Spoke *spoke = arena_array(scratch, Spoke, p->n);
	int64_t *offset = arena_array(scratch, int64_t, p->n);
	uint64_t seed = 1;
	for (int64_t r = 0; r < rounds && !pack_spent(p); r++) {
		pack_fill(f, by, offset);
		if (pack_keep(p, offset))
			break;
		reorder(p, offset, spoke, by, &seed);
	}
	arena_destroy(scratch);
}

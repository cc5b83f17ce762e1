#include "passes/pack_part.h"

#include <stdlib.h>

/* The first ones are the search's: their trees are small surprisingly often,
 * each on other instances. The rest serve the greedy placements. */
const PackOrder pack_orders[] = {
	{"TWA"}, {"WAT"}, {"TAW"}, {"TW"}, {"ZW"}, {"A"}, {"S"}, {"E"}, {"TZ"},
	{"WZ"},
};

const int pack_norders = sizeof pack_orders / sizeof pack_orders[0];

typedef struct Sortable {
	int64_t key[PACK_KEYS];
	int item;
} Sortable;

static int before(const void *pa, const void *pb)
{
	const Sortable *a = pa, *b = pb;
	for (int k = 0; k < PACK_KEYS; k++)
		if (a->key[k] != b->key[k])
			return a->key[k] > b->key[k] ? -1 : 1;
	return a->item - b->item;
}

/* Saturates: it only has to order. */
static int64_t area(int64_t size, int64_t life)
{
	return life > 0 && size > INT64_MAX / life ? INT64_MAX : size * life;
}

int64_t pack_key(const PackPart *p, char letter, int item)
{
	switch (letter) {
	case 'T': return p->crowd[item];
	case 'W': return p->life[item];
	case 'A': return area(p->size[item], p->life[item]);
	case 'Z': return p->size[item];
	case 'S': return -p->first[item];
	case 'E': return p->end[item];
	}
	return 0;
}

void pack_sort(const PackPart *p, PackOrder order, int by[])
{
	Arena *scratch = arena_create();
	Sortable *s = arena_array(scratch, Sortable, p->n);
	for (int i = 0; i < p->n; i++) {
		s[i].item = i;
		for (int k = 0; k < PACK_KEYS && order.key[k]; k++)
			s[i].key[k] = pack_key(p, order.key[k], i);
	}
	qsort(s, (size_t)p->n, sizeof *s, before);
	for (int i = 0; i < p->n; i++)
		by[i] = s[i].item;
	arena_destroy(scratch);
}

/* splitmix64 */


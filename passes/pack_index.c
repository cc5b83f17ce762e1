/* Who lives with whom, and who in which section, as lists in one array each. */
#include "passes/pack_part.h"

#include <string.h>

enum { MOST_ENTRIES = 1 << 23 };   /* of either list */

static bool live_together(const PackPart *p, int a, int b)
{
	return p->first[a] < p->end[b] && p->first[b] < p->end[a];
}

/* Sets near_at (near NULL) or near; returns the number of entries. */
static int list_near(const PackPart *p, PackIndex *x)
{
	int n = 0;
	for (int i = 0; i < p->n && n <= MOST_ENTRIES; i++) {
		for (int j = 0; j < p->n; j++) {
			if (j == i || !live_together(p, i, j))
				continue;
			if (x->near)
				x->near[n] = j;
			n++;
		}
		x->near_at[i + 1] = n;
	}
	return n;
}

static void list_members(const PackPart *p, PackIndex *x)
{
	for (int i = 0; i < p->n; i++)
		for (int k = p->first[i]; k < p->end[i]; k++)
			x->member_at[k + 1]++;
	for (int k = 0; k < p->nsections; k++)
		x->member_at[k + 1] += x->member_at[k];
	int *next = arena_array(p->arena, int, p->nsections);
	memcpy(next, x->member_at, sizeof *next * (size_t)p->nsections);
	x->member = arena_array(p->arena, int, x->member_at[p->nsections]);
	for (int i = 0; i < p->n; i++)
		for (int k = p->first[i]; k < p->end[i]; k++)
			x->member[next[k]++] = i;
}

static int64_t count_members(const PackPart *p)
{
	int64_t n = 0;
	for (int i = 0; i < p->n; i++)
		n += p->end[i] - p->first[i];
	return n;
}

bool pack_index(const PackPart *p, PackIndex *x)
{
	*x = (PackIndex){.near_at = arena_array(p->arena, int, p->n + 1)};
	int pairs = list_near(p, x);
	if (pairs > MOST_ENTRIES || count_members(p) > MOST_ENTRIES)
		return false;
	x->near = arena_array(p->arena, int, pairs);
	list_near(p, x);
	x->member_at = arena_array(p->arena, int, p->nsections + 1);
	list_members(p, x);
	return true;
}

#include "passes/batch.h"

#include <string.h>

/* ---- what one recomputation means ---- */

static bool lives_at(const Batch *b, int root, int item)
{
	for (int k = b->latest[root]; k >= 0; k = b->whole[k].earlier)
		if (b->whole[k].start < item && b->whole[k].last >= item)
			return true;
	return false;
}

/* Must it be computed again, if the item wants it? */
static bool is_gone(const Batch *b, int root, int item)
{
	return root >= 0 && b->made[root] >= 0 && b->made[root] < item &&
	       !b->again[root][item] && batch_may_repeat(b, root, item) &&
	       !lives_at(b, root, item);
}

static bool in_closure(const Batch *b, int root, int item)
{
	return root >= 0 && b->again[root] && is_gone(b, root, item);
}

static int close_over(Batch *b, int root, int item, BatchPair pair[], int n,
		      int max)
{
	const Node *node = b->value[root]->def;
	b->mark[root] = b->marks;
	if (n < max)
		pair[n++] = (BatchPair){root, item};
	for (int i = 0; i < node->nin; i++) {
		int r = node->in[i] ? b->root[node->in[i]->id] : -1;
		if (r >= 0 && b->mark[r] != b->marks && in_closure(b, r, item))
			n = close_over(b, r, item, pair, n, max);
	}
	return n;
}

int batch_close(Batch *b, int root, int item, BatchPair pair[], int max)
{
	b->marks++;
	return close_over(b, root, item, pair, 0, max);
}

/* ---- choices as lists ---- */

static int count_pairs(const Batch *b)
{
	int n = 0;
	for (int r = 0; r < b->nvalues; r++)
		for (int i = 0; b->again[r] && i < b->nitems; i++)
			n += b->again[r][i];
	return n;
}

void batch_save(const Batch *b, Choice *c)
{
	int n = count_pairs(b);
	if (n > c->max) {
		c->max = 2 * n;
		c->pair = arena_array(b->arena, BatchPair, c->max);
	}
	c->n = 0;
	for (int r = 0; r < b->nvalues; r++)
		for (int i = 0; b->again[r] && i < b->nitems; i++)
			if (b->again[r][i])
				c->pair[c->n++] = (BatchPair){r, i};
}

void batch_load(Batch *b, const Choice *c)
{
	for (int r = 0; r < b->nvalues; r++)
		if (b->again[r])
			memset(b->again[r], 0,
			       sizeof(bool) * (size_t)b->nitems);
	for (int i = 0; i < c->n; i++)
		b->again[c->pair[i].root][c->pair[i].item] = true;
	batch_measure(b);
}

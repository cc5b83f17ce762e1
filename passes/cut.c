/*
 * Bodies cut into storages, wherever a value begins or ends: so each is written
 * by one task and lives as long as it is read, and values inside of others keep
 * no more bytes alive than they would apart.
 */
#include "passes/share.h"

#include <stdlib.h>

typedef struct Cutter {
	Problem *p;
	const Share *s;
} Cutter;

static int new_storage(Problem *p, const Value *root, int body, Region region)
{
	Storage *s = &p->storage[p->nstorages];
	*s = (Storage){.root = root, .whole = root, .body = body,
	               .region = region, .writer = -1};
	return p->nstorages++;
}

/* Memory that is not in the arena is one storage: it costs nothing. */
static void one_storage(Cutter *b, const Body *body)
{
	Problem *p = b->p;
	const Value *root = b->s->by_id[body->first];
	int s = new_storage(p, root, body->first, body->region);
	p->storage[s].writer = b->s->writer[root->id];
	p->storage[s].bytes = body->region == REGION_ARENA
	                      ? value_bytes(root) : 0;
	for (int v = body->first; v >= 0; v = b->s->next[v]) {
		p->of[v] = s;
		p->parts[v] = 1;
		p->at[v] = b->s->at[v] - body->low;
	}
}

static int ascending(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
	return a < b ? -1 : a > b;
}

static int count_cuts(const Cutter *b, const Body *body)
{
	int n = 0;
	for (int v = body->first; v >= 0; v = b->s->next[v]) {
		int t = b->s->writer[v];
		n += 2 + (t < 0 ? 0 : 2 * b->s->handed[t].n);
	}
	return n;
}

/* Where values begin and end, and what is handed on to them; in order, each
 * once. */
static int find_cuts(const Cutter *b, const Body *body, int64_t cut[])
{
	const Share *s = b->s;
	int n = 0, kept = 0;
	for (int v = body->first; v >= 0; v = s->next[v]) {
		int t = s->writer[v];
		cut[n++] = s->at[v];
		cut[n++] = s->at[v] + value_bytes(s->by_id[v]);
		for (int i = 0; t >= 0 && i < s->handed[t].n; i++) {
			const Piece *p = &s->handed[t].piece[i];
			const Node *node = b->p->task[t].node;
			if (node->out[p->out]->id != v)
				continue;
			cut[n++] = s->at[v] + piece_start(node, p);
			cut[n++] = s->at[v] + piece_start(node, p) +
			           piece_bytes(node, p);
		}
	}
	qsort(cut, (size_t)n, sizeof *cut, ascending);
	for (int i = 0; i < n; i++)
		if (!kept || cut[kept - 1] != cut[i])
			cut[kept++] = cut[i];
	return kept;
}

/* Is the byte of v's body handed on to it? */
static bool is_handed_on(const Cutter *b, const Value *v, int64_t at)
{
	const Share *s = b->s;
	int t = b->s->writer[v->id];
	for (int i = 0; t >= 0 && i < s->handed[t].n; i++) {
		const Piece *p = &s->handed[t].piece[i];
		const Node *n = b->p->task[t].node;
		int64_t start = s->at[v->id] + piece_start(n, p);
		if (n->out[p->out] == v && s->handed[t].placed[i] &&
		    at >= start && at < start + piece_bytes(n, p))
			return true;
	}
	return false;
}

/* The storages that v covers; it has written those that it was not handed. */
static void cover(Cutter *b, const Value *v, int first, int n)
{
	Problem *p = b->p;
	int64_t start = b->s->at[v->id], end = start + value_bytes(v);
	for (int i = first; i < first + n; i++) {
		Storage *s = &p->storage[i];
		if (s->at < start || s->at >= end)
			continue;
		if (!p->parts[v->id]++)
			p->of[v->id] = i;
		if (!is_handed_on(b, v, s->at)) {
			s->root = v;
			s->writer = b->s->writer[v->id];
		}
	}
}

static const Value *largest(const Share *s, const Body *body)
{
	const Value *most = s->by_id[body->first];
	for (int v = body->first; v >= 0; v = s->next[v])
		if (value_bytes(s->by_id[v]) > value_bytes(most))
			most = s->by_id[v];
	return most;
}

static void cut_body(Cutter *b, const Body *body)
{
	Problem *p = b->p;
	const Value *most = largest(b->s, body);
	int64_t *cut = arena_array(b->p->arena, int64_t, count_cuts(b, body));
	int n = find_cuts(b, body, cut) - 1, first = p->nstorages;
	for (int i = 0; i < n; i++) {
		Storage *s = &p->storage[new_storage(p, NULL, body->first,
		                                     body->region)];
		s->whole = most;
		s->at = cut[i];
		s->bytes = cut[i + 1] - cut[i];
	}
	for (int v = body->first; v >= 0; v = b->s->next[v])
		cover(b, b->s->by_id[v], first, n);
	for (int i = first; i < first + n; i++)
		if (!p->storage[i].root)
			BUG("a part of %%%s has no writer", most->name);
}

/* Two ends of each value and piece. */
static int most_storages(const Problem *p, const Share *s)
{
	int n = 2 * p->graph->nvalues;
	for (int t = 0; t < p->ntasks; t++)
		n += 2 * s->handed[t].n;
	return n;
}

/* In the order in which the graph meets them. */
void cut_storages(Problem *p, const Share *s)
{
	Cutter b = {p, s};
	p->storage = arena_array(p->arena, Storage, most_storages(p, s));
	for (int i = 0; i < s->nvalues; i++) {
		const Value *v = s->value[i];
		const Body *body = &s->body[s->of[v->id]];
		if (p->of[v->id] >= 0)
			continue;
		if (body->region == REGION_ARENA && body->low < body->high)
			cut_body(&b, body);
		else
			one_storage(&b, body);
	}
}

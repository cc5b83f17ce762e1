#include "passes/batch.h"

#include <string.h>

/* A change of the choice: root's value is computed again by the item, with what
 * it is computed from and is not there anyway. */
typedef struct Move {
	int root, item;
	double score;         /* operations for each byte over the target */
} Move;

typedef struct Pair {
	int root, item;
} Pair;

typedef struct Search {
	Batch *b;
	int64_t end;          /* of the work */
	int npairs, maxpairs; /* of the move that is tried */
	Pair *pair;
	int *mark, marks;     /* by root: closures that were looked at */
} Search;

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

/* Lists the pairs that computing the root again means; their operations. */
static int64_t close_over(Search *s, int root, int item)
{
	const Batch *b = s->b;
	const Node *n = b->value[root]->def;
	int64_t flops = b->flops[root];
	s->mark[root] = s->marks;
	if (s->npairs < s->maxpairs)
		s->pair[s->npairs++] = (Pair){root, item};
	for (int i = 0; i < n->nin; i++) {
		int r = n->in[i] ? b->root[n->in[i]->id] : -1;
		if (r >= 0 && s->mark[r] != s->marks && in_closure(b, r, item))
			flops += close_over(s, r, item);
	}
	return flops;
}

static int64_t close(Search *s, int root, int item)
{
	s->npairs = 0;
	s->marks++;
	return close_over(s, root, item);
}

/* ---- which move ---- */

static double over(const Batch *b, int item, int64_t bytes)
{
	int64_t more = b->live[item] - b->target;
	return more <= 0 ? 0 : (double)(more < bytes ? more : bytes);
}

/* Bytes over the target that are gained where the value is not whole from its
 * access before the item to the item. Where nothing else of that life touches
 * the ends, it is not whole there either. */
static double relief(const Batch *b, const Whole *w, int item)
{
	int before = w->start;
	double sum = 0;
	for (int i = 0; i < b->nreaders[w->root]; i++) {
		int at = b->reader[w->root][i];
		if (at > before && at < item)
			before = at;
	}
	for (int i = before + 1; i < item; i++)
		sum += over(b, i, b->bytes[w->root]);
	if (item == w->last)
		sum += over(b, item, b->bytes[w->root]);
	if (before == w->start && b->may_repeat[w->root])
		sum += over(b, before, b->bytes[w->root]);
	return sum;
}

static int keep_best(Move list[], int n, int max, Move m)
{
	int at = n < max ? n : max - 1;
	if (n == max && list[at].score <= m.score)
		return n;
	for (; at > 0 && list[at - 1].score > m.score; at--)
		list[at] = list[at - 1];
	list[at] = m;
	return n < max ? n + 1 : n;
}

/* Of all lives over the peak, all items that read them from there on. */
static int find_moves(Search *s, Move list[], int max)
{
	Batch *b = s->b;
	int n = 0, peak = b->peak_item;
	for (int k = 0; k < b->nwholes; k++) {
		const Whole *w = &b->whole[k];
		if (w->start > peak || w->last < peak || w->last == w->start ||
		    !b->again[w->root])
			continue;
		for (int i = 0; i <= b->nreaders[w->root]; i++) {
			int item = i < b->nreaders[w->root]
			         ? b->reader[w->root][i] : w->last;
			if (item <= w->start || item > w->last || item < peak ||
			    b->again[w->root][item] ||
			    !batch_may_repeat(b, w->root, item))
				continue;
			double freed = relief(b, w, item);
			b->work += 1 + item - w->start;
			if (freed <= 0)
				continue;
			double flops = (double)close(s, w->root, item) + 1;
			b->work += s->npairs;
			n = keep_best(list, n, max, (Move){
				w->root, item, flops / freed});
		}
	}
	return n;
}

static void set(Search *s, bool again)
{
	for (int i = 0; i < s->npairs; i++)
		s->b->again[s->pair[i].root][s->pair[i].item] = again;
}

/* The best by the model of one move is tried first; it must really help. */
static bool improve(Search *s)
{
	enum { MOST = 12 };
	Batch *b = s->b;
	Move list[MOST];
	int n = find_moves(s, list, MOST);
	int64_t excess = b->excess;
	for (int i = 0; i < n && b->work < s->end; i++) {
		close(s, list[i].root, list[i].item);
		set(s, true);
		batch_measure(b);
		if (b->excess < excess)
			return true;
		set(s, false);
		batch_measure(b);
	}
	return false;
}

/* ---- taking back ---- */

static void clean(Search *s)
{
	Batch *b = s->b;
	for (int r = b->nvalues - 1; r >= 0; r--)
		for (int i = 0; b->again[r] && i < b->nitems; i++) {
			if (!b->again[r][i] || b->work > s->end)
				continue;
			int64_t excess = b->excess, flops = b->extra_flops;
			b->again[r][i] = false;
			batch_measure(b);
			if (b->excess <= excess && b->extra_flops <= flops)
				continue;
			b->again[r][i] = true;
			batch_measure(b);
		}
}

bool batch_search(Batch *b, int64_t target, int64_t effort)
{
	enum { MOST_PAIRS = 4096 };
	Search s = {
		.b = b, .end = b->work + effort, .maxpairs = MOST_PAIRS,
		.pair = arena_array(b->arena, Pair, MOST_PAIRS),
		.mark = arena_array(b->arena, int, b->nvalues + 1),
	};
	for (int r = 0; r < b->nvalues; r++)
		if (b->again[r])
			memset(b->again[r], 0, sizeof(bool) *
			       (size_t)b->nitems);
	b->target = target;
	batch_measure(b);
	while (b->excess && b->work < s.end && improve(&s))
		;
	s.end = b->work + effort / 4;
	clean(&s);
	return !b->excess;
}

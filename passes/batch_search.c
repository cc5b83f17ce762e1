#include "passes/batch.h"

#include <string.h>

/* A change of the choice: root's value is computed again by the item, with what
 * it is computed from and is not there anyway. */
typedef struct Move {
	int root, item;
	double score; /* operations for each byte over the target */
} Move;

enum {
	MOST_PAIRS = 4096,
	GREEDY = 4000000, /* work */
};

typedef struct Search {
	Batch *b;
	int64_t end; /* of the work */
	int npairs;  /* of the move that is tried */
	BatchPair pair[MOST_PAIRS];
} Search;

/* Returns the operations that computing the root again means. */
static int64_t close(Search *s, int root, int item)
{
	int64_t flops = 0;
	s->npairs = batch_close(s->b, root, item, s->pair, MOST_PAIRS);
	for (int i = 0; i < s->npairs; i++)
		flops += s->b->flops[s->pair[i].root];
	return flops;
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
				       ? b->reader[w->root][i]
				       : w->last;
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
			n = keep_best(list, n, max,
				      (Move){w->root, item, flops / freed});
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

/* ---- the search ---- */

static void descend(Search *s)
{
	batch_load(s->b, &(Choice){0});
	while (s->b->excess && s->b->work < s->end && improve(s))
		;
}

static int64_t peak_over(const Batch *b)
{
	return b->peak > b->target ? b->peak - b->target : 0;
}

/* The choice that was saved, unless what was measured is better: at the fullest
 * item, at all that are over the target, and in operations. */
static void load_if_better(Batch *b, const Choice *c)
{
	Choice now = {0};
	int64_t peak = peak_over(b), excess = b->excess, flops = b->extra_flops;
	batch_save(b, &now);
	batch_load(b, c);
	if (peak_over(b) < peak)
		return;
	if (peak_over(b) > peak || b->excess > excess ||
	    (b->excess == excess && b->extra_flops > flops))
		batch_load(b, &now);
}

static void repeat(Batch *b, int root, bool again)
{
	for (int i = 0; i < b->nitems; i++)
		b->again[root][i] = again && batch_may_repeat(b, root, i);
}

/* From the other end: everything is computed again, but what can be had whole
 * with no more bytes over the target than that leaves. */
static void ascend(Search *s)
{
	Batch *b = s->b;
	for (int r = 0; r < b->nvalues; r++)
		if (b->again[r])
			repeat(b, r, true);
	batch_measure(b);
	int64_t end = b->work + GREEDY, excess = b->excess;
	for (int r = b->nvalues - 1; r >= 0 && b->work < end; r--) {
		if (!b->again[r] || !b->nreaders[r])
			continue;
		repeat(b, r, false);
		batch_measure(b);
		if (b->excess > excess)
			repeat(b, r, true);
	}
	batch_measure(b);
}

/* The best of those that the ends of the curve and the last search give. */
static void start(Search *s)
{
	Batch *b = s->b;
	Choice few = {0};
	descend(s);
	if (b->excess) {
		batch_save(b, &few);
		ascend(s);
		load_if_better(b, &few);
	}
	load_if_better(b, &b->found);
}

void batch_forget(Batch *b)
{
	b->found.n = 0;
}

bool batch_search(Batch *b, int64_t target, int64_t effort)
{
	enum { ROUNDS = 3, CHOICES = 30000 };
	Search *s = arena_new(b->arena, Search);
	int64_t most = (int64_t)CHOICES * b->runs.n;
	*s = (Search){.b = b, .end = b->work + GREEDY};
	b->target = target;
	effort = effort < most ? effort : most;
	start(s);
	for (uint64_t seed = 1; seed <= ROUNDS && target > 0; seed++)
		if (b->extra_flops || b->excess)
			batch_anneal(b, effort / ROUNDS, seed);
	s->end = b->work + GREEDY;
	clean(s);
	batch_save(b, &b->found);
	return !b->excess;
}

/*
 * A choice of recomputations made better by simulated annealing (Kirkpatrick,
 * Gelatt and Vecchi, "Optimization by Simulated Annealing", 1983): changes that
 * cost something are taken the more rarely the more they cost, and the longer
 * it lasts. What counts is operations, and bytes over the target. What a byte
 * costs is raised while nothing fits, and lowered while all does: so the search
 * stays where the one is traded for the other (strategic oscillation: Glover
 * and Laguna, "Tabu Search", 1997).
 *
 * Most changes are about a value that some node really reads there: the others
 * change nothing.
 */
#include "passes/batch.h"

#include "ir/splitmix.h"

#include <math.h>
#include <string.h>

enum { MOST = 512 }; /* pairs that one change flips */

typedef struct Price {
	double flops, over;
} Price;

typedef struct Anneal {
	Batch *b;
	uint64_t random;
	double flops; /* of all nodes, once */
	int n;
	BatchPair flip[MOST];
	Choice best;
	int64_t best_flops, best_excess;
	double weight;   /* of bytes over the target, against flops */
	int nseen, nfit; /* of the last choices */
} Anneal;

static int below(Anneal *s, int n)
{
	return (int)(splitmix64(&s->random) % (uint64_t)n);
}

/* As shares of all operations, and of the target. */
static Price price_of(const Anneal *s)
{
	const double wide = 0.1; /* of the items that are not the fullest */
	const Batch *b = s->b;
	double over = b->peak > b->target ? (double)(b->peak - b->target) : 0;
	return (Price){
	    (double)b->extra_flops / s->flops,
	    (over + wide * (double)b->excess) / (double)(b->target + 1),
	};
}

/* ---- the best ---- */

static void keep_if_best(Anneal *s)
{
	Batch *b = s->b;
	if (b->excess > s->best_excess ||
	    (b->excess == s->best_excess && b->extra_flops >= s->best_flops))
		return;
	batch_save(b, &s->best);
	s->best_flops = b->extra_flops;
	s->best_excess = b->excess;
}

/* ---- changes ---- */

/* The pair is to be `again`, if it may and is not. */
static void want(Anneal *s, int root, int item, bool again)
{
	const Batch *b = s->b;
	if (root < 0 || s->n == MOST || !batch_may_repeat(b, root, item) ||
	    b->again[root][item] == again)
		return;
	s->flip[s->n++] = (BatchPair){root, item};
}

/* With what it is computed from and is not there; or from something that is
 * kept for it. */
static void want_with_sources(Anneal *s, int root, int item)
{
	if (root < 0 || !batch_may_repeat(s->b, root, item) ||
	    s->b->again[root][item])
		return;
	BatchPair *first = s->flip + s->n;
	int n = batch_close(s->b, root, item, first, MOST - s->n);
	if (n > 1 && below(s, 2)) {
		int kept = 1 + below(s, n - 1);
		first[kept] = first[--n];
	}
	s->n += n;
}

static int random_input(Anneal *s, const Node *n)
{
	const Value *v = n->nin ? n->in[below(s, n->nin)] : NULL;
	return v ? s->b->root[v->id] : -1;
}

/* A value that is read at some tick: the other way. */
static void change_read(Anneal *s)
{
	const Tick *t = &s->b->tick[below(s, s->b->nticks)];
	int r = random_input(s, t->node);
	if (r < 0 || !s->b->again[r])
		return;
	if (s->b->again[r][t->item])
		want(s, r, t->item, false);
	else if (below(s, 2))
		want_with_sources(s, r, t->item);
	else
		want(s, r, t->item, true);
}

/* A value that is whole, for one of its readers, or for all from there on. */
static void drop_whole(Anneal *s)
{
	const Batch *b = s->b;
	const Whole *w = &b->whole[below(s, b->nwholes)];
	int n = b->nreaders[w->root], from = n ? below(s, n) : 0;
	int to = below(s, 2) ? n : from + 1;
	for (int i = from; i < to && i < n; i++)
		want_with_sources(s, w->root, b->reader[w->root][i]);
}

/* A value from some item on. */
static void change_root(Anneal *s)
{
	const Tick *t = &s->b->tick[below(s, s->b->nticks)];
	int r = random_input(s, t->node);
	bool again = below(s, 2);
	for (int i = t->item; r >= 0 && i < s->b->nitems; i++)
		if (below(s, 4))
			want(s, r, i, again);
}

/* Half of what an item computes again. */
static void thin_out(Anneal *s)
{
	const Batch *b = s->b;
	int item = b->tick[below(s, b->nticks)].item;
	for (int t = b->tick_of[item]; t < b->tick_of[item + 1]; t++)
		for (int o = 0; o < b->tick[t].node->nout; o++) {
			int r = b->root[b->tick[t].node->out[o]->id];
			if (below(s, 2))
				want(s, r, item, false);
		}
}

/* What another item computes again. */
static void imitate(Anneal *s)
{
	const Batch *b = s->b;
	int from = b->tick[below(s, b->nticks)].item;
	int to = b->tick[below(s, b->nticks)].item;
	for (int t = b->tick_of[from]; t < b->tick_of[from + 1]; t++)
		for (int o = 0; o < b->tick[t].node->nout; o++) {
			int r = b->root[b->tick[t].node->out[o]->id];
			if (r >= 0 && b->again[r] && b->again[r][from])
				want(s, r, to, true);
		}
}

static void change(Anneal *s)
{
	s->n = 0;
	switch (below(s, 10)) {
	case 0:
		change_root(s);
		break;
	case 1:
		thin_out(s);
		break;
	case 2:
		imitate(s);
		break;
	case 3:
	case 4:
	case 5:
		drop_whole(s);
		break;
	default:
		change_read(s);
		break;
	}
}

static void flip(Anneal *s)
{
	for (int i = 0; i < s->n; i++)
		s->b->again[s->flip[i].root][s->flip[i].item] ^= true;
}

/* ---- the whole ---- */

static double uniform(Anneal *s)
{
	return (double)(splitmix64(&s->random) >> 11) * 0x1p-53;
}

/* A fourth to a half of the choices are to fit. */
static void weigh(Anneal *s, bool fits)
{
	enum { ENOUGH = 10 };
	const double step = 1.1;
	s->nseen++;
	s->nfit += fits;
	if (s->nseen < ENOUGH)
		return;
	if (4 * s->nfit < ENOUGH)
		s->weight *= step;
	else if (2 * s->nfit > ENOUGH)
		s->weight /= step;
	s->nseen = s->nfit = 0;
}

static bool accept(Anneal *s, const Price *now, const Price *then, double heat)
{
	double more =
	    then->flops - now->flops + s->weight * (then->over - now->over);
	return more <= 0 || uniform(s) < exp(-more / heat);
}

void batch_anneal(Batch *b, int64_t effort, uint64_t seed)
{
	enum { NOTHING = 16 }; /* work, for a change that came to nothing */
	const double hot = 0.05, cold = 1e-3; /* the one times the other */
	Anneal s = {.b = b,
		    .random = seed,
		    .weight = 1,
		    .flops = (double)batch_flops(b) + 1};
	int64_t begin = b->work;
	s.best_excess = INT64_MAX;
	keep_if_best(&s);
	Price now = price_of(&s);
	while (b->work < begin + effort) {
		double spent = (double)(b->work - begin) / (double)effort;
		change(&s);
		b->work += s.n ? 0 : NOTHING;
		if (!s.n)
			continue;
		flip(&s);
		batch_measure(b);
		Price then = price_of(&s);
		if (accept(&s, &now, &then, hot * pow(cold, spent))) {
			now = then;
			keep_if_best(&s);
		} else {
			flip(&s); /* what was measured is near enough */
		}
		weigh(&s, now.over <= 0);
	}
	batch_load(b, &s.best);
}

/*
 * A stretch of an order searched through, depth first over the sets of its
 * tasks that have run. What lies behind a set does not depend on the way to it,
 * so each is entered once. A task that frees at least what it allocates, and
 * fits, runs at once: the live bytes are submodular in the set, hence whatever
 * comes next can only profit.
 *
 * Sets are told apart by 128-bit sums of random numbers, one per task.
 */
#include "passes/order.h"

#include <stdlib.h>

typedef struct Key {
	uint64_t lo, hi;
} Key;

typedef struct Choice {
	int64_t live;         /* after it */
	int at;               /* in the order that we started from */
} Choice;

typedef struct Window {
	const Problem *p;
	Walk *walk;
	const int *task;      /* ntasks of them */
	int ntasks;
	bool *run;            /* by index in task */
	int64_t limit, *work;
	Key key, *seen;       /* a hash table of `mask` + 1 places, open */
	uint64_t mask, nseen;
	Choice **choice;      /* by depth: untried ones, the best last */
	int *nchoices, *path;
} Window;

static uint64_t scramble(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static void toggle(Window *w, int at)
{
	uint64_t n = (uint64_t)at * 2;
	w->key.lo ^= scramble(n + 2);
	w->key.hi ^= scramble(n + 3);
}

static void insert(Key *table, uint64_t mask, Key k)
{
	uint64_t i = k.lo & mask;
	while (table[i].lo || table[i].hi)
		i = (i + 1) & mask;
	table[i] = k;
}

static void enlarge(Window *w)
{
	uint64_t mask = 2 * w->mask + 1;
	Key *more = arena_array(w->p->arena, Key, (int64_t)mask + 1);
	for (uint64_t i = 0; i <= w->mask; i++)
		if (w->seen[i].lo || w->seen[i].hi)
			insert(more, mask, w->seen[i]);
	w->seen = more;
	w->mask = mask;
}

/* False if it was there already. */
static bool enter_set(Window *w)
{
	uint64_t i = w->key.lo & w->mask;
	for (; w->seen[i].lo || w->seen[i].hi; i = (i + 1) & w->mask)
		if (w->seen[i].lo == w->key.lo && w->seen[i].hi == w->key.hi)
			return false;
	w->seen[i] = w->key;
	if (++w->nseen * 2 > w->mask)
		enlarge(w);
	return true;
}

static int worse_first(const void *a, const void *b)
{
	const Choice *x = a, *y = b;
	if (x->live != y->live)
		return x->live > y->live ? -1 : 1;
	return x->at > y->at ? -1 : x->at < y->at;
}

/* What may run next at this depth. */
static void find_choices(Window *w, int depth)
{
	int n = 0;
	if (!w->choice[depth])
		w->choice[depth] = arena_array(w->p->arena, Choice,
		                               w->ntasks - depth);
	Choice *list = w->choice[depth];
	for (int i = 0; i < w->ntasks; i++) {
		int t = w->task[i];
		if (w->run[i] || w->walk->waits[t])
			continue;
		--*w->work;
		if (walk_cost(w->walk, t) > w->limit)
			continue;
		int64_t growth = walk_growth(w->walk, t);
		list[n++] = (Choice){growth, i};
		if (growth <= 0) {
			list[0] = list[n - 1];
			n = 1;
			break;
		}
	}
	qsort(list, (size_t)n, sizeof *list, worse_first);
	w->nchoices[depth] = n;
}

static void step_forward(Window *w, int depth)
{
	int at = w->choice[depth][--w->nchoices[depth]].at;
	w->run[at] = true;
	w->path[depth] = at;
	toggle(w, at);
	walk_run(w->walk, w->task[at]);
}

static void step_back(Window *w, int depth)
{
	int at = w->path[depth];
	walk_undo(w->walk, w->task[at]);
	toggle(w, at);
	w->run[at] = false;
}

static Found search(Window *w)
{
	int depth = 0;
	find_choices(w, 0);
	while (depth < w->ntasks) {
		if (*w->work <= 0)
			return FOUND_NOTHING_YET;
		if (!w->nchoices[depth]) {
			if (!depth)
				return FOUND_NONE;
			step_back(w, --depth);
			continue;
		}
		step_forward(w, depth);
		if (!enter_set(w))
			step_back(w, depth);
		else if (++depth < w->ntasks)
			find_choices(w, depth);
	}
	return FOUND_ORDER;
}

Found window_search(const Problem *p, int order[], int lo, int hi,
                    int64_t limit, int64_t *work)
{
	Arena *a = arena_create();
	Problem q = *p;
	q.arena = a;
	int n = hi - lo, *task = arena_array(a, int, n);
	Window w = {
		.p = &q, .walk = walk_create(a, p), .task = task, .ntasks = n,
		.run = arena_array(a, bool, n), .limit = limit, .work = work,
		.seen = arena_array(a, Key, 1024), .mask = 1023,
		.choice = arena_array(a, Choice *, n + 1),
		.nchoices = arena_array(a, int, n + 1),
		.path = arena_array(a, int, n + 1),
	};
	for (int i = 0; i < lo; i++)
		walk_run(w.walk, order[i]);
	for (int i = 0; i < n; i++)
		task[i] = order[lo + i];
	Found found = search(&w);
	for (int i = 0; i < n && found == FOUND_ORDER; i++)
		order[lo + i] = task[w.path[i]];
	arena_destroy(a);
	return found;
}

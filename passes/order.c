/*
 * The order with the least peak that a fixed amount of work finds. The most
 * expensive step of the best order so far is attacked in two ways: all that
 * makes its task cheap runs before it and nothing else does (the least cut of
 * order_bound.c), or a stretch of the order around it is searched through.
 * Greedy orders with noise are other places to start from, and the best order
 * as late as it can be; small graphs are searched through as a whole.
 *
 * The cuts are the proof as well. A task that is cheap in the best order proves
 * little; the tasks are looked at from the most expensive one down, until they
 * cost no more than is proved already.
 */
#include "passes/order.h"

#include <stdlib.h>
#include <string.h>

enum {
	CUT_WORK = 30000000,      /* arcs looked at, for improvements */
	PROOF_WORK = 30000000,    /* and for the bound alone */
	WINDOW_WORK = 20000,      /* steps tried in one window, */
	WINDOWS_WORK = 500000,   /*   in all windows, */
	WHOLE_WORK = 1000000,     /*   and in the whole of a graph */
	WHOLE_TASKS = 256,
	RESTART_WORK = 100000,    /* tasks scheduled with noise */
	MOST_RESTARTS = 32,
	BUDGETS = 16,             /* tried at a time, */
	ROUNDS_WORK = 20000,      /*   so often for as many tasks */
	MOST_ROUNDS = 8,
};

typedef struct Search {
	const Problem *p;
	Arena *scratch;
	Bounder *bounder;
	int *best, *trial;
	int64_t *cost, *trial_cost;   /* of their steps */
	int64_t peak, bound;
	int high;                     /* steps that cost `peak` */
	bool *bounded;                /* by task: its bound is in `bound` */
	bool *before;
	int64_t cut_work, window_work;
} Search;

static int count_high(const Search *s, const int64_t cost[], int64_t peak)
{
	int n = 0;
	for (int i = 0; i < s->p->ntasks; i++)
		n += cost[i] == peak;
	return n;
}

/* Takes the trial if it is better: less, or the same less often. */
static bool consider(Search *s)
{
	Arena *a = arena_create();
	int64_t peak = order_peak(a, s->p, s->trial, s->trial_cost);
	int high = count_high(s, s->trial_cost, peak);
	arena_destroy(a);
	if (peak > s->peak || (peak == s->peak && high >= s->high))
		return false;
	size_t n = (size_t)s->p->ntasks;
	memcpy(s->best, s->trial, sizeof *s->best * n);
	memcpy(s->cost, s->trial_cost, sizeof *s->cost * n);
	s->peak = peak;
	s->high = high;
	return true;
}

static void bound_task(Search *s, int task, int64_t *work)
{
	memset(s->before, 0, sizeof *s->before * (size_t)s->p->ntasks);
	int64_t bound = bounder_task(s->bounder, task, s->before, work);
	s->bound = bound > s->bound ? bound : s->bound;
	s->bounded[task] = true;
}

/* ---- improvements ---- */

/* First what the cut wants before the task at this step, then the rest. */
static bool split(Search *s, int step)
{
	int n = 0, ntasks = s->p->ntasks;
	bound_task(s, s->best[step], &s->cut_work);
	if (s->bound >= s->peak || s->cut_work <= 0)
		return false;
	for (int i = 0; i < ntasks; i++)
		if (s->before[s->best[i]])
			s->trial[n++] = s->best[i];
	s->trial[n++] = s->best[step];
	for (int i = 0; i < ntasks; i++)
		if (!s->before[s->best[i]] && i != step)
			s->trial[n++] = s->best[i];
	return consider(s);
}

static bool search_window(Search *s, int lo, int hi)
{
	int64_t work = WINDOW_WORK;
	lo = lo > 0 ? lo : 0;
	hi = hi < s->p->ntasks ? hi : s->p->ntasks;
	memcpy(s->trial, s->best, sizeof *s->best * (size_t)s->p->ntasks);
	Found found = window_search(s->p, s->trial, lo, hi, s->peak - 1, &work);
	s->window_work -= WINDOW_WORK - work + s->p->ntasks / 4;
	return found == FOUND_ORDER && consider(s);
}

static bool slide(Search *s, int step)
{
	static const int width[] = {16, 32, 64};
	for (int i = 0; i < 3; i++)
		for (int k = 1; k <= 3 && s->window_work > 0; k++) {
			int lo = step - width[i] * k / 4;
			if (search_window(s, lo, lo + width[i]))
				return true;
		}
	return false;
}

static int first_high(const Search *s)
{
	int i = 0;
	while (s->cost[i] != s->peak)
		i++;
	return i;
}

static void improve(Search *s)
{
	while (s->peak > s->bound) {
		int step = first_high(s);
		if (!(s->cut_work > 0 && split(s, step)) &&
		    !(s->peak > s->bound && s->window_work > 0 &&
		      slide(s, step)))
			break;
	}
}

/* Budgets between what is proved and what is reached. */
static bool put_off(Search *s)
{
	int64_t peak = s->peak, room = peak - s->bound;
	int *given = arena_array(s->scratch, int, s->p->ntasks);
	memcpy(given, s->best, sizeof *given * (size_t)s->p->ntasks);
	for (int i = 0; i < BUDGETS && s->peak > s->bound; i++) {
		int64_t limit = s->bound + room / BUDGETS * i;
		if (limit >= s->peak)
			break;
		schedule_within(s->p, given, limit, s->trial);
		consider(s);
	}
	return s->peak < peak;
}

static void restart(Search *s)
{
	int most = RESTART_WORK / (s->p->ntasks + 1) + 2;
	most = most < MOST_RESTARTS ? most : MOST_RESTARTS;
	for (int i = 0; i < most && s->peak > s->bound; i++) {
		schedule_noisy(s->p, (uint64_t)i, s->trial);
		if (consider(s))
			improve(s);
	}
}

/* As late as can be, then from there, as often as that is better. */
static void delay(Search *s)
{
	int *given = arena_array(s->scratch, int, s->p->ntasks);
	bool better = true;
	while (better && s->peak > s->bound) {
		memcpy(given, s->best, sizeof *given * (size_t)s->p->ntasks);
		schedule_late(s->p, given, s->trial);
		better = consider(s);
		if (better)
			improve(s);
	}
}

/* Each success lowers the limit; the failure is the proof. */
static void search_whole(Search *s)
{
	int64_t work = WHOLE_WORK;
	Found found = FOUND_ORDER;
	while (s->peak > s->bound && found == FOUND_ORDER) {
		found = window_search(s->p, s->trial, 0, s->p->ntasks,
		                      s->peak - 1, &work);
		if (found == FOUND_ORDER)
			consider(s);
	}
	if (found == FOUND_NONE)
		s->bound = s->peak;
}

/* ---- the proof ---- */

typedef struct Suspect {
	int64_t cost;
	int task;
} Suspect;

static int dearest_first(const void *a, const void *b)
{
	const Suspect *x = a, *y = b;
	if (x->cost != y->cost)
		return x->cost > y->cost ? -1 : 1;
	return x->task < y->task ? -1 : x->task > y->task;
}

static void prove(Search *s)
{
	int n = s->p->ntasks;
	int64_t work = PROOF_WORK;
	Suspect *list = arena_array(s->scratch, Suspect, n);
	for (int i = 0; i < n; i++)
		list[i] = (Suspect){s->cost[i], s->best[i]};
	qsort(list, (size_t)n, sizeof *list, dearest_first);
	for (int i = 0; i < n && work > 0 && list[i].cost > s->bound; i++)
		if (!s->bounded[list[i].task])
			bound_task(s, list[i].task, &work);
}

/* ---- the whole ---- */

static Search *search_create(const Problem *p)
{
	Arena *a = arena_create();
	Search *s = arena_new(a, Search);
	Walk *w = walk_create(a, p);
	*s = (Search){
		.p = p, .scratch = a, .bounder = bounder_create(a, p),
		.best = arena_array(a, int, p->ntasks),
		.trial = arena_array(a, int, p->ntasks),
		.cost = arena_array(a, int64_t, p->ntasks),
		.trial_cost = arena_array(a, int64_t, p->ntasks),
		.peak = INT64_MAX, .bound = w->live + w->idle,
		.bounded = arena_array(a, bool, p->ntasks),
		.before = arena_array(a, bool, p->ntasks),
		.cut_work = CUT_WORK, .window_work = WINDOWS_WORK,
	};
	return s;
}

static void start(Search *s)
{
	for (int i = 0; i < nschedulers; i++) {
		all_schedulers[i](s->p, s->trial);
		consider(s);
	}
}

Order order_search(const Problem *p)
{
	Search *s = search_create(p);
	Order o = {.task = arena_array(p->arena, int, p->ntasks)};
	if (p->ntasks) {
		start(s);
		improve(s);
		prove(s);
		int rounds = ROUNDS_WORK / (p->ntasks + 1) + 1;
		rounds = rounds < MOST_ROUNDS ? rounds : MOST_ROUNDS;
		while (s->peak > s->bound && rounds-- && put_off(s))
			improve(s);
		restart(s);
		delay(s);
		if (p->ntasks <= WHOLE_TASKS && s->peak > s->bound)
			search_whole(s);
		memcpy(o.task, s->best, sizeof *o.task * (size_t)p->ntasks);
	}
	o.bound = s->bound;
	arena_destroy(s->scratch);
	return o;
}

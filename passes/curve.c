/*
 * The curve of memory against operations. It is a staircase: what fits a budget
 * is the cheapest plan that was found with so small an arena. A budget tried
 * between two corners either finds a corner between them, or tells that the
 * stair is as wide as that. So the next budget is tried where the curve may
 * still gain most: in the middle of the largest gap between two corners, in
 * ratios of bytes and of operations. Corners come from all plans that were found,
 * whatever they were looked for.
 */
#include "passes/budget.h"

#include <math.h>

enum { MOST_TRIES = 32, FINEST = 64 };   /* a gap of 1/64 is none */

typedef struct Curve {
	Budget *budget;
	int64_t other;        /* smaller arenas gain nothing */
	int ntried;
	int64_t tried[MOST_TRIES];
} Curve;

static int64_t size_of(const Curve *c, const Plan *plan)
{
	return plan->arena_bytes > c->other ? plan->arena_bytes : c->other;
}

/* The corner with less memory; NULL: there is none. The first is after NULL. */
static Plan *next_corner(const Curve *c, const Plan *plan)
{
	if (plan && plan->arena_bytes <= c->other)
		return NULL;
	return budget_cheapest(c->budget, plan ? plan->arena_bytes - 1
	                                       : INT64_MAX);
}

static double extra_percent(const Curve *c, const Plan *plan)
{
	int64_t extra = budget_extra(c->budget, plan);
	int64_t plain = plan->cost.flops - extra;
	return plain > 0 ? 100 * (double)extra / (double)plain : 0;
}

/* Below this nothing is to be found that has less operations than `less`, the
 * corner after `more`. */
static int64_t lower_end(const Curve *c, const Plan *more, const Plan *less)
{
	int64_t low = size_of(c, less);
	for (int i = 0; i < c->ntried; i++)
		if (c->tried[i] < more->arena_bytes && c->tried[i] > low)
			low = c->tried[i];
	return low;
}

static int64_t middle(int64_t low, int64_t high)
{
	return (int64_t)sqrt((double)low * (double)high);
}

/* More operations as a height: from 1 % to 2 % it is as far as from 8 % to 13 %;
 * where they are many times what they were, it hardly matters how many. */
static double height(const Curve *c, const Plan *plan)
{
	double percent = fmax(extra_percent(c, plan), 0);
	return log1p(percent) - log1p(percent / 100);
}

/* How much the stair between two corners matters. */
static double gap(const Curve *c, const Plan *more, const Plan *less,
                  int64_t low)
{
	int64_t high = size_of(c, more);
	if (high - low <= high / FINEST)
		return 0;
	return log((double)high / (double)low) *
	       (height(c, less) - height(c, more));
}

/* The budget to be tried next; 0: no gap is left. */
static int64_t next_budget(const Curve *c)
{
	double widest = 0;
	int64_t best = 0;
	const Plan *more = next_corner(c, NULL), *less;
	for (; (less = next_corner(c, more)); more = less) {
		int64_t low = lower_end(c, more, less);
		double width = gap(c, more, less, low);
		if (width <= widest)
			continue;
		widest = width;
		best = middle(low, size_of(c, more));
	}
	return best;
}

static Curve curve_create(Budget *b, int64_t other)
{
	budget_smallest(b);
	return (Curve){.budget = b, .other = other};
}

static Curve explore(Budget *b, int64_t other)
{
	Curve c = curve_create(b, other);
	int64_t bytes;
	while (c.ntried < MOST_TRIES && (bytes = next_budget(&c))) {
		budget_try(b, bytes);
		c.tried[c.ntried++] = bytes;
	}
	return c;
}

/* The curve goes hardly further down than the smallest that is looked for
 * without it. */
Plan *budget_fit_swept(Budget *b, int64_t arena_bytes, int64_t other)
{
	enum { FURTHER = 16 };
	budget_restart(b);
	int64_t least = budget_smallest(b)->arena_bytes;
	if (arena_bytes < least && arena_bytes >= least - least / FURTHER)
		explore(b, other);
	return budget_cheapest(b, arena_bytes);
}

/* ---- the points ---- */

static void add_point(const Curve *c, Program *p, const Plan *plan)
{
	SweepPoint *s = &p->point[p->npoints++];
	s->arena_bytes = size_of(c, plan);
	s->ram = s->arena_bytes + p->state_bytes;
	s->flops = plan->cost.flops;
	s->extra_flops = budget_extra(c->budget, plan);
	s->recomputed_flops = plan->recomputed_flops;
	s->plan = plan;
	budget_techniques(c->budget, plan, &s->ntechniques, &s->technique);
}

/* Less memory by so little is no corner to show, except the least. */
static bool worth_a_point(const Curve *c, const Plan *last, const Plan *plan)
{
	enum { LEAST = 128 };
	int64_t gain = size_of(c, last) - size_of(c, plan);
	return gain > size_of(c, last) / LEAST || !next_corner(c, plan);
}

static int count_corners(const Curve *c)
{
	int n = 0;
	for (const Plan *p = NULL; (p = next_corner(c, p));)
		n++;
	return n;
}

void budget_sweep(Budget *b, Program *p, int64_t other)
{
	Curve c = explore(b, other);
	const Plan *last = next_corner(&c, NULL);
	p->point = arena_array(p->model->unit->arena, SweepPoint,
	                       count_corners(&c));
	add_point(&c, p, last);
	for (const Plan *q = last; (q = next_corner(&c, q));)
		if (worth_a_point(&c, last, q)) {
			add_point(&c, p, q);
			last = q;
		}
}

/* ---- at a price ---- */

/* The last corner that costs at most that; the first does. */
static Plan *last_within(const Curve *c, double percent)
{
	Plan *best = next_corner(c, NULL), *plan = best;
	while ((plan = next_corner(c, plan)) &&
	       extra_percent(c, plan) <= percent)
		best = plan;
	return best;
}

Plan *budget_least(Budget *b, double percent, int64_t other)
{
	enum { TRIES = 12, CLOSE = 512 };
	Curve c = curve_create(b, other);
	while (c.ntried < TRIES) {
		const Plan *more = last_within(&c, percent);
		const Plan *less = next_corner(&c, more);
		int64_t high = size_of(&c, more);
		int64_t low = less ? lower_end(&c, more, less) : high;
		if (high - low <= high / CLOSE)
			break;
		int64_t bytes = middle(low, high);
		budget_try(b, bytes);
		c.tried[c.ntried++] = bytes;
	}
	return last_within(&c, percent);
}

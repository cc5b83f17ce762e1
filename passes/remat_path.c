/*
 * The shortest path through a window. In front of a stop the window's tasks may
 * run, and what they computed may be forgotten, in any order, until no state
 * gets better; then the stop's entry runs, and those up to the next stop.
 */
#include "passes/remat_path.h"

#include <string.h>

/* What a state whose price fell has yet to be looked at for. */
enum { TO_RUN = 1, TO_DROP = 2 };

static bool is_less(Price a, Price b)
{
	return a.excess != b.excess ? a.excess < b.excess : a.flops < b.flops;
}

static bool offer(Window *w, Price *price, int stop, Set state, Price x,
                  Origin from)
{
	if (!is_less(x, price[state]) || is_less(w->limit, x))
		return false;
	price[state] = x;
	w->fresh[state] = TO_RUN | TO_DROP;
	w->origin[(int64_t)stop * window_states(w) + state] = from;
	return true;
}

static Price step(const Window *w, Price x, int64_t bytes)
{
	if (bytes > w->r->target)
		x.excess += bytes - w->r->target;
	return x;
}

static bool run_free(Window *w, int stop, Set m, int f, const Choices *c)
{
	const Free *t = &w->free[f];
	Set then = m | t->writes;
	bool better = false;
	for (int i = 0; i < c->n; i++) {
		Price x = step(w, w->price[m], w->stop[stop].across +
		               w->bytes[then] + t->unread - c->option[i].saved);
		x.flops += t->flops;
		better |= offer(w, w->price, stop, then & ~c->option[i].without,
		                x, (Origin){STEP_RUN, (uint8_t)f, (uint16_t)m});
	}
	return better;
}

static bool run_all(Window *w, int stop, Set m)
{
	const Stop *s = &w->stop[stop];
	bool better = false;
	for (int f = 0; f < w->nfree; f++) {
		const Free *t = &w->free[f];
		if (t->reads & ~m || !(t->writes & ~m) || !(s->ready >> f & 1))
			continue;
		better |= run_free(w, stop, m, f, &t->choices);
		if (s->free == f)
			better |= run_free(w, stop, m, f, &s->choices);
	}
	return better;
}

/* What is there may also be forgotten. */
static void drop_any(Window *w, int stop)
{
	Set n = (Set)window_states(w);
	for (int b = 0; b < w->nbits; b++)
		for (Set m = 0; m < n; m++)
			if (w->fresh[m] & TO_DROP && m >> b & 1)
				offer(w, w->price, stop, m & ~(1u << b),
				      w->price[m],
				      (Origin){STEP_DROP, 0, (uint16_t)m});
	for (Set m = 0; m < n; m++)
		w->fresh[m] &= TO_RUN;
}

static bool run_fresh(Window *w, int stop, Set m)
{
	if (!(w->fresh[m] & TO_RUN))
		return false;
	w->fresh[m] &= TO_DROP;
	return run_all(w, stop, m);
}

/* The window's tasks in front of the stop, until nothing gets better. */
static void settle(Window *w, int stop)
{
	Set n = (Set)window_states(w);
	for (bool better = true; better;) {
		better = false;
		drop_any(w, stop);
		for (Set m = 0; m < n; m++)
			better |= run_fresh(w, stop, m);
		w->r->work += (int64_t)n * (w->nfree + w->nbits) / 16;
	}
}

/* Entries that are of no concern, from the one behind the stop on. */
static Price pass_others(const Window *w, int from, int to, Set m, Price x)
{
	for (int i = from; i < to; i++)
		x = step(w, x, w->during[i] + w->bytes[m]);
	return x;
}

/* Past the stop and up to the next one: the entry may be one of the window's,
 * then it is not there any more. */
static void pass_stop(Window *w, int stop, Set m)
{
	const Stop *s = &w->stop[stop];
	int to = stop + 1 < w->nstops ? s[1].entry : w->q->n;
	int noptions = s->free < 0 ? s->choices.n : 1;
	for (int i = 0; i < noptions; i++) {
		const Option *o = &s->choices.option[i];
		Set then = m;
		Price x = w->price[m];
		if (s->free < 0) {
			then &= ~o->without;
			x = step(w, x, w->during[s->entry] + w->bytes[m] -
			               o->saved);
		}
		x = pass_others(w, s->entry + 1, to, then, x);
		offer(w, w->next, stop + 1, then, x,
		      (Origin){STEP_ON, 0, (uint16_t)m});
		w->r->work += (to - s->entry) / 16;
	}
}

static void clear(const Window *w, Price *price)
{
	for (int m = 0; m < window_states(w); m++)
		price[m] = (Price){INT64_MAX, INT64_MAX};
}

static void go_on(Window *w, int stop)
{
	clear(w, w->next);
	for (Set m = 0; m < (Set)window_states(w); m++)
		if (w->price[m].excess < INT64_MAX &&
		    !(w->stop[stop].reads & ~m))
			pass_stop(w, stop, m);
	w->r->work += window_states(w) / 16;
	Price *swap = w->price;
	w->price = w->next;
	w->next = swap;
}

static void find_path(Window *w)
{
	w->price = arena_array(w->arena, Price, window_states(w));
	w->next = arena_array(w->arena, Price, window_states(w));
	w->fresh = arena_array(w->arena, uint8_t, window_states(w));
	w->origin = arena_array(w->arena, Origin,
	                        (int64_t)(w->nstops + 1) * window_states(w));
	clear(w, w->price);
	w->price[0] = (Price){0, 0};
	w->fresh[0] = TO_RUN;
	for (int i = 0; i < w->nstops; i++) {
		settle(w, i);
		go_on(w, i);
	}
}

/* ---- back ---- */

/* Fills *to from its end. False: too long. */
static bool put(const Window *w, Sequence *to, int *at, int task)
{
	if (*at == 0)
		return false;
	to->task[--*at] = task;
	return true;
}

static bool put_others(const Window *w, Sequence *to, int *at, int from,
                       int end)
{
	for (int i = end - 1; i >= from; i--)
		if (!put(w, to, at, w->q->task[i]))
			return false;
	return true;
}

static bool trace(const Window *w, Set m, Sequence *to)
{
	int at = w->r->max, end = w->q->n, stop = w->nstops;
	while (stop > 0 || m != 0) {
		Origin o = w->origin[(int64_t)stop * window_states(w) + m];
		const Stop *s = &w->stop[stop - (o.step == STEP_ON)];
		int first = s->entry + (s->free >= 0);
		if (o.step == STEP_ON) {
			if (!put_others(w, to, &at, first, end))
				return false;
			end = s->entry;
			stop--;
		} else if (o.step == STEP_RUN &&
		           !put(w, to, &at, w->free[o.free].task)) {
			return false;
		}
		m = o.state;
	}
	to->n = w->r->max - at;
	memmove(to->task, to->task + at, sizeof(int) * (size_t)to->n);
	return true;
}

static bool best_end(const Window *w, Set *best)
{
	Price least = {INT64_MAX, INT64_MAX};
	for (Set m = 0; m < (Set)window_states(w); m++)
		if (!(w->kept & ~m) && is_less(w->price[m], least)) {
			least = w->price[m];
			*best = m;
		}
	return least.excess < INT64_MAX;
}

bool window_path(Window *w, Sequence *to)
{
	Set end = 0;
	find_path(w);
	return best_end(w, &end) && trace(w, end, to);
}

/*
 * An order as late as it can be: of a given one, a step moves down towards what
 * first reads its results, as far as these are no less than what would be kept for
 * it alone. What is neither more nor less moves, too: so a view does not hold up
 * what it is of. Where many small steps are ready at once, as of an optimizer on
 * thin matrices, greedy orders begin with them, and keep what they need.
 */
#include "passes/order.h"

typedef struct Late {
	const Problem *p;
	int *order, *at;      /* by task: its step; below the one that moves */
} Late;

/* Bytes that live when it has run. */
static int64_t written(const Late *l, const Task *t)
{
	int64_t bytes = 0;
	for (int i = 0; i < t->nwrites; i++) {
		const Storage *s = &l->p->storage[t->write[i]];
		if (s->nreaders || s->output)
			bytes += s->bytes;
	}
	return bytes;
}

/* The step of the storage's last reader but the task; -1: the caller reads it. */
static int last_other(const Late *l, int storage, int task)
{
	const Storage *s = &l->p->storage[storage];
	int last = 0;
	if (s->output)
		return -1;
	for (int i = 0; i < s->nreaders; i++)
		if (s->reader[i] != task && l->at[s->reader[i]] > last)
			last = l->at[s->reader[i]];
	return last;
}

/* Bytes that would be kept for the task alone before that step, and the last step
 * above, but below `from`, where they are fewer. */
static int64_t kept(const Late *l, int task, int from, int to, int *fewer)
{
	const Task *t = &l->p->task[task];
	int64_t bytes = 0;
	*fewer = from;
	for (int i = 0; i < t->nreads; i++) {
		int last = last_other(l, t->read[i], task);
		if (last < 0 || last >= to)
			continue;
		bytes += l->p->storage[t->read[i]].bytes;
		if (last > *fewer)
			*fewer = last;
	}
	return bytes;
}

/* The step that it may come before. */
static int latest(const Late *l, int task, int from)
{
	const Task *t = &l->p->task[task];
	int to = l->p->ntasks, fewer;
	if (!t->nafter)
		return from;
	for (int i = 0; i < t->nafter; i++)
		if (l->at[t->after[i]] < to)
			to = l->at[t->after[i]];
	while (to > from && kept(l, task, from, to, &fewer) > written(l, t))
		to = fewer;
	return to;
}

void schedule_late(const Problem *p, const int given[], int order[])
{
	Arena *a = arena_create();
	Late l = {p, order, arena_array(a, int, p->ntasks)};
	for (int i = p->ntasks - 1; i >= 0; i--) {
		int to = latest(&l, given[i], i + 1);
		for (int k = i; k < to - 1; k++) {
			order[k] = order[k + 1];
			l.at[order[k]] = k;
		}
		order[to - 1] = given[i];
		l.at[given[i]] = to - 1;
	}
	arena_destroy(a);
}

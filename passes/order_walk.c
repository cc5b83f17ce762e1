/*
 * What each step of an order costs. The same rules as in buffers.c, told one
 * step at a time and backwards too; a test holds the two against each other.
 */
#include "passes/order.h"

static bool stays(const Storage *s)
{
	return s->nreaders || s->output;
}

Walk *walk_create(Arena *a, const Problem *p)
{
	Walk *w = arena_new(a, Walk);
	w->p = p;
	w->left = arena_array(a, int, p->nstorages);
	w->waits = arena_array(a, int, p->ntasks);
	w->taken = arena_array(a, int64_t, p->nstorages);
	for (int s = 0; s < p->nstorages; s++) {
		const Storage *st = &p->storage[s];
		w->left[s] = st->nreaders;
		if (st->writer < 0)
			*(stays(st) ? &w->live : &w->idle) += st->bytes;
	}
	for (int t = 0; t < p->ntasks; t++)
		w->waits[t] = p->task[t].nbefore;
	return w;
}

static bool dies(const Walk *w, int storage)
{
	return w->left[storage] == 1 && !w->p->storage[storage].output;
}

static bool may_take(const Walk *w, const Reuse *u)
{
	for (int k = 0; k <= u->more_read; k++)
		if (!dies(w, u->read + k) || w->taken[u->read + k] == w->stamp)
			return false;
	return true;
}

/* Bytes of what begins with the storage that lie over the first that dies and
 * was not taken, as buffers.c chooses. */
static int64_t overwritten(Walk *w, const Task *t, int storage)
{
	for (int i = 0; i < t->nreuses; i++) {
		const Reuse *u = &t->reuse[i];
		if (u->write != storage || !may_take(w, u))
			continue;
		for (int k = 0; k <= u->more_read; k++)
			w->taken[u->read + k] = w->stamp;
		return reuse_saves(w->p, u);
	}
	return 0;
}

int64_t walk_cost(Walk *w, int task)
{
	const Task *t = &w->p->task[task];
	int64_t cost = w->live + (w->nrun ? 0 : w->idle);
	w->stamp++;
	for (int i = 0; i < t->nwrites; i++)
		cost += w->p->storage[t->write[i]].bytes -
		        overwritten(w, t, t->write[i]);
	return cost;
}

int64_t walk_growth(const Walk *w, int task)
{
	const Task *t = &w->p->task[task];
	int64_t growth = 0;
	for (int i = 0; i < t->nwrites; i++)
		if (stays(&w->p->storage[t->write[i]]))
			growth += w->p->storage[t->write[i]].bytes;
	for (int i = 0; i < t->nreads; i++)
		if (dies(w, t->read[i]))
			growth -= w->p->storage[t->read[i]].bytes;
	return growth;
}

void walk_run(Walk *w, int task)
{
	const Task *t = &w->p->task[task];
	w->live += walk_growth(w, task);
	w->nrun++;
	for (int i = 0; i < t->nreads; i++)
		w->left[t->read[i]]--;
	for (int i = 0; i < t->nafter; i++)
		w->waits[t->after[i]]--;
}

void walk_undo(Walk *w, int task)
{
	const Task *t = &w->p->task[task];
	for (int i = 0; i < t->nafter; i++)
		w->waits[t->after[i]]++;
	for (int i = 0; i < t->nreads; i++)
		w->left[t->read[i]]++;
	w->nrun--;
	w->live -= walk_growth(w, task);
}

int64_t order_peak(Arena *a, const Problem *p, const int order[],
                   int64_t cost[])
{
	Walk *w = walk_create(a, p);
	int64_t peak = w->live + w->idle;
	for (int i = 0; i < p->ntasks; i++) {
		int64_t c = walk_cost(w, order[i]);
		if (cost)
			cost[i] = c;
		peak = c > peak ? c : peak;
		walk_run(w, order[i]);
	}
	return peak;
}

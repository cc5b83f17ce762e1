/*
 * Some tasks of a sequence done anew, exactly. All entries of the tasks in a
 * window are taken out, all others stay where they are; what is left to decide
 * is in front of which entries the window's tasks run. A state is the set of
 * the window's storages that are there; the least bytes over the target, and of
 * these the fewest operations, are a shortest path over entries and states.
 *
 * What is outside lives as it did, even where only a task of the window read
 * it. So the sequence as it was is one of the paths, and none is worse.
 */
#include "passes/remat_path.h"

/* ---- the window ---- */

static Set set_of(const Window *w, int n, const int storage[])
{
	Set set = 0;
	for (int i = 0; i < n; i++)
		if (w->bit[storage[i]] >= 0)
			set |= 1u << w->bit[storage[i]];
	return set;
}

static bool is_read(const Storage *s)
{
	return s->nreaders || s->output;
}

/* False: too many storages. */
static bool add_free(Window *w, int task)
{
	const Problem *p = w->r->p;
	const Task *t = &p->task[task];
	Free *f = &w->free[w->nfree];
	f->task = task;
	f->flops = t->cost.flops;
	for (int i = 0; i < t->nwrites; i++) {
		const Storage *s = &p->storage[t->write[i]];
		w->bit[t->write[i]] = NO_BIT;
		if (!is_read(s)) {
			f->unread += s->bytes;
			continue;
		}
		if (w->nbits == REMAT_WINDOW)
			return false;
		if (s->output)
			w->kept |= 1u << w->nbits;
		w->bit[t->write[i]] = w->nbits++;
	}
	w->free_of[task] = w->nfree++;
	return true;
}

static bool add_all(Window *w, int n, const int task[])
{
	const Problem *p = w->r->p;
	for (int s = 0; s < p->nstorages; s++)
		w->bit[s] = OUTSIDE;
	for (int t = 0; t < p->ntasks; t++)
		w->free_of[t] = -1;
	for (int i = 0; i < n; i++)
		if (!add_free(w, task[i]))
			return false;
	for (int i = 0; i < n; i++) {
		const Task *t = &p->task[task[i]];
		w->free[i].reads = set_of(w, t->nreads, t->read);
		w->free[i].writes = set_of(w, t->nwrites, t->write);
	}
	return true;
}

static void find_bytes(Window *w)
{
	const Problem *p = w->r->p;
	w->bytes = arena_array(w->arena, int64_t, window_states(w));
	for (int s = 0; s < p->nstorages; s++)
		for (int m = 0; w->bit[s] >= 0 && m < window_states(w); m++)
			if (m >> w->bit[s] & 1)
				w->bytes[m] += p->storage[s].bytes;
}

/* ---- what stays ---- */

static void find_outside(Window *w)
{
	const Remat *r = w->r;
	int n = w->q->n;
	int64_t sum = 0, *begins = arena_array(w->arena, int64_t, n + 1);
	w->across = arena_array(w->arena, int64_t, n + 1);
	w->during = arena_array(w->arena, int64_t, n + 2);
	for (int l = 0; l < r->nlives; l++) {
		const Life *life = &r->life[l];
		int64_t bytes = r->p->storage[life->storage].bytes;
		if (w->bit[life->storage] != OUTSIDE)
			continue;
		w->during[life->first] += bytes;
		w->during[life->last + 1] -= bytes;
		if (l >= r->nsources)
			begins[life->first] += bytes;
	}
	for (int i = 0; i < n; i++) {
		w->during[i] = sum += w->during[i];
		w->across[i] = sum - begins[i];
	}
}

/* Is the storage, from outside, not read after the entry? */
static bool ends_at(const Window *w, const Task *t, int entry, int storage)
{
	const Remat *r = w->r;
	if (entry < 0 || r->p->storage[storage].output)
		return false;
	for (int j = 0; j < t->nreads; j++)
		if (t->read[j] == storage) {
			int l = r->source[r->reads[entry] + j];
			return l >= 0 && r->life[l].last == entry;
		}
	return false;
}

static int64_t saved_by(const Window *w, const Task *t, int entry, Set without)
{
	bool dies[REMAT_REUSES];
	int n = t->nreuses < REMAT_REUSES ? t->nreuses : REMAT_REUSES;
	for (int k = 0; k < n; k++) {
		int s = t->reuse[k].read;
		dies[k] = w->bit[s] >= 0 ? without >> w->bit[s] & 1
		        : w->bit[s] == OUTSIDE && ends_at(w, t, entry, s);
	}
	return remat_reused(w->r->p, t, dies);
}

/* entry: where it is in the sequence; -1: anywhere. */
static Choices choices_of(const Window *w, const Task *t, int entry)
{
	Choices c = {1, {{0, saved_by(w, t, entry, 0)}}};
	for (int k = 0; k < t->nreuses && k < REMAT_REUSES; k++) {
		int s = t->reuse[k].read, n = c.n;
		if (w->bit[s] < 0 || w->r->p->storage[s].output)
			continue;
		for (int i = 0; i < n && c.n < MOST_OPTIONS; i++) {
			Set set = c.option[i].without | 1u << w->bit[s];
			int64_t saved = saved_by(w, t, entry, set);
			if (saved > c.option[i].saved)
				c.option[c.n++] = (Option){set, saved};
		}
	}
	return c;
}

/* ---- stops ---- */

/* Where the window's tasks may have to run: in front of who reads their results
 * or reads for the last time what they read, behind who computes that, and
 * where they run now. */
static void mark_touched(const Window *w, bool *touched)
{
	const Remat *r = w->r;
	const Problem *p = r->p;
	for (int i = 0; i < w->q->n; i++) {
		int t = w->q->task[i];
		touched[i] |= w->free_of[t] >= 0 ||
		              set_of(w, p->task[t].nreads, p->task[t].read);
	}
	for (int f = 0; f < w->nfree; f++) {
		const Task *t = &p->task[w->free[f].task];
		for (int k = 0; k < t->nreads; k++)
			for (int l = r->latest[t->read[k]]; l >= 0;
			     l = r->life[l].earlier) {
				touched[r->life[l].first + 1] = true;
				touched[r->life[l].last] = true;
			}
	}
	touched[0] = true;
}

/* Of the storage's lives, from `life` back, the one that began in front of the
 * entry. */
static int begun_before(const Remat *r, int life, int entry)
{
	while (life >= r->nsources && r->life[life].first >= entry)
		life = r->life[life].earlier;
	return life;
}

/* May a task read the storage in front of the entry? `life`: of the storage,
 * the one that began before that. */
static bool is_there(const Remat *r, int storage, int life, int entry)
{
	const Storage *s = &r->p->storage[storage];
	int by = r->replaced_by[storage];
	if (s->region == REGION_ARENA)
		return life >= 0 && r->life[life].last >= entry;
	return (by < 0 || r->where[by] >= entry) &&
	       (s->writer < 0 || r->where[s->writer] < entry);
}

/* Takes the task out of all stops where the storage is not there. */
static void not_without(Window *w, int f, int storage)
{
	const Remat *r = w->r;
	int life = r->latest[storage];
	for (int i = w->nstops - 1; i >= 0; i--) {
		Stop *s = &w->stop[i];
		life = begun_before(r, life, s->entry);
		if (!is_there(r, storage, life, s->entry))
			s->ready &= ~(1u << f);
	}
}

static void find_ready(Window *w)
{
	const Problem *p = w->r->p;
	for (int i = 0; i < w->nstops; i++)
		w->stop[i].ready = (1u << w->nfree) - 1;
	for (int f = 0; f < w->nfree; f++) {
		const Task *t = &p->task[w->free[f].task];
		for (int k = 0; k < t->nreads; k++)
			if (w->bit[t->read[k]] == OUTSIDE)
				not_without(w, f, t->read[k]);
	}
}

static void find_stops(Window *w)
{
	const Problem *p = w->r->p;
	bool *touched = arena_array(w->arena, bool, w->q->n + 1);
	mark_touched(w, touched);
	w->stop = arena_array(w->arena, Stop, w->q->n + 1);
	for (int i = 0; i < w->q->n; i++) {
		const Task *t = &p->task[w->q->task[i]];
		if (!touched[i]) {
			w->during[i] -= saved_by(w, t, i, 0);
			continue;
		}
		Stop *s = &w->stop[w->nstops++];
		s->entry = i;
		s->across = w->across[i];
		s->free = w->free_of[w->q->task[i]];
		s->reads = s->free < 0 ? set_of(w, t->nreads, t->read) : 0;
		s->choices = choices_of(w, t, i);
	}
	for (int f = 0; f < w->nfree; f++)
		w->free[f].choices = choices_of(
			w, &p->task[w->free[f].task], -1);
	find_ready(w);
}

bool remat_window(Remat *r, const Sequence *q, int n, const int task[],
                  Sequence *to)
{
	Window w = {.r = r, .q = q, .arena = arena_create()};
	w.bit = arena_array(w.arena, int, r->p->nstorages + 1);
	w.free_of = arena_array(w.arena, int, r->p->ntasks + 1);
	bool good = n <= REMAT_WINDOW && add_all(&w, n, task);
	if (good) {
		find_bytes(&w);
		find_outside(&w);
		find_stops(&w);
		w.limit.excess = r->excess;
		for (int i = 0; i < q->n; i++)
			if (w.free_of[q->task[i]] >= 0)
				w.limit.flops += r->p->task[q->task[i]].cost.flops;
		good = window_path(&w, to);
	}
	arena_destroy(w.arena);
	if (good)
		sequence_prune(r, to);
	return good;
}

/*
 * Where the search starts from: checkpointed segments (Chen et al., "Training
 * Deep Nets with Sublinear Memory Cost", 2016). The tasks up to the loss are cut
 * into segments where little is alive; what crosses a cut is kept, what else the
 * backward pass wants is computed again when it comes to the segment.
 */
#include "passes/remat.h"

#include <string.h>

typedef struct Walk {
	Remat *r;
	Sequence *to;
	int forward;          /* entries of the base that are the forward pass */
	bool *there;          /* by storage */
	bool *kept;           /* by storage: crosses a cut */
	int *last;            /* by storage: its last forward read */
	bool *done;           /* by task */
	bool failed;
} Walk;

/* Entries up to the one that computes the first output: the loss. */
static int forward_length(const Remat *r)
{
	const Problem *p = r->p;
	for (int i = 0; i < r->base.n; i++) {
		const Task *t = &p->task[r->base.task[i]];
		for (int k = 0; k < t->nwrites; k++)
			if (p->storage[t->write[k]].output)
				return i + 1;
	}
	return 0;
}

static bool is_sized(const Remat *r, int s)
{
	return r->p->storage[s].bytes > 0;
}

static void find_last_reads(Walk *w)
{
	const Problem *p = w->r->p;
	for (int s = 0; s < p->nstorages; s++)
		w->last[s] = -1;
	for (int i = 0; i < w->forward; i++) {
		const Task *t = &p->task[w->r->base.task[i]];
		for (int k = 0; k < t->nreads; k++)
			w->last[t->read[k]] = i;
	}
}

/* Bytes that cross each entry's end within the forward pass, and bytes that
 * were made so far. */
static void find_profile(const Walk *w, int64_t *across, int64_t *made)
{
	const Problem *p = w->r->p;
	for (int s = 0; s < p->nstorages; s++) {
		int t = p->storage[s].writer;
		if (t < 0 || !is_sized(w->r, s) ||
		    w->r->position[t] >= w->forward)
			continue;
		made[w->r->position[t]] += p->storage[s].bytes;
		for (int i = w->r->position[t]; i < w->last[s]; i++)
			across[i] += p->storage[s].bytes;
	}
	for (int i = 1; i < w->forward; i++)
		made[i] += made[i - 1];
}

/* What is alive behind the entry is kept. */
static void cut(Walk *w, int entry)
{
	const Problem *p = w->r->p;
	for (int s = 0; s < p->nstorages; s++) {
		int t = p->storage[s].writer;
		if (t >= 0 && w->r->position[t] <= entry && w->last[s] > entry)
			w->kept[s] = true;
	}
}

/* Behind the entry with the least across, around each n-th of the bytes.
 * Returns the last cut. */
static int make_cuts(Walk *w, int n, const int64_t *across, const int64_t *made)
{
	int64_t all = made[w->forward - 1];
	int entry = 0, last = 0;
	for (int c = 1; c < n; c++) {
		double step = (double)all / n;
		double from = step * (c - 0.5), to = step * (c + 0.5);
		while (entry < w->forward - 1 && (double)made[entry] < from)
			entry++;
		last = entry;
		for (int i = entry; i < w->forward - 1 &&
		     (double)made[i] <= to; i++)
			if (across[i] < across[last])
				last = i;
		cut(w, last);
	}
	return last;
}

static void run(Walk *w, int task)
{
	const Task *t = &w->r->p->task[task];
	if (w->to->n >= w->r->max) {
		w->failed = true;
		return;
	}
	w->to->task[w->to->n++] = task;
	w->done[task] = true;
	for (int k = 0; k < t->nwrites; k++)
		w->there[t->write[k]] = true;
}

static void provide(Walk *w, int task)
{
	const Remat *r = w->r;
	const Task *t = &r->p->task[task];
	for (int k = 0; k < t->nreads && !w->failed; k++) {
		int s = t->read[k], by = r->replaced_by[s];
		if (by >= 0 && w->done[by] && w->done[task])
			w->failed = true;
		if (w->there[s] || w->failed || !is_sized(r, s))
			continue;
		int writer = r->p->storage[s].writer;
		provide(w, writer);
		run(w, writer);
	}
}

/* Forgets what is not kept, up to the last cut; behind it the backward pass
 * begins at once. */
static void forget(Walk *w, int last_cut)
{
	const Problem *p = w->r->p;
	for (int s = 0; s < p->nstorages; s++) {
		int t = p->storage[s].writer;
		if (t >= 0 && w->r->position[t] <= last_cut && !w->kept[s] &&
		    !w->r->fixed[t] && !p->storage[s].output)
			w->there[s] = false;
	}
}

static Walk walk_create(Arena *a, Remat *r, Sequence *to)
{
	int n = r->p->nstorages + 1;
	Walk w = {
		.r = r, .to = to, .forward = forward_length(r),
		.there = arena_array(a, bool, n),
		.kept = arena_array(a, bool, n),
		.last = arena_array(a, int, n),
		.done = arena_array(a, bool, r->p->ntasks + 1),
	};
	for (int s = 0; s < r->p->nstorages; s++)
		w.there[s] = r->p->storage[s].writer < 0;
	to->n = 0;
	return w;
}

bool remat_segments(Remat *r, int n, Sequence *to)
{
	Arena *scratch = arena_create();
	Walk w = walk_create(scratch, r, to);
	int64_t *across = arena_array(scratch, int64_t, w.forward + 1);
	int64_t *made = arena_array(scratch, int64_t, w.forward + 1);
	if (w.forward < 2 * n) {
		arena_destroy(scratch);
		return false;
	}
	find_last_reads(&w);
	find_profile(&w, across, made);
	int last = make_cuts(&w, n, across, made);
	for (int i = 0; i < r->base.n && !w.failed; i++) {
		if (i == w.forward)
			forget(&w, last);
		provide(&w, r->base.task[i]);
		run(&w, r->base.task[i]);
	}
	if (!w.failed)
		sequence_prune(r, to);
	arena_destroy(scratch);
	return !w.failed;
}

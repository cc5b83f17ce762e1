/*
 * Lifetimes for one order, and buffers: a storage takes over the buffer of one
 * that dies at the step where it is written, if the kernel may overwrite it.
 */
#include "passes/planner.h"

typedef struct Assign {
	const Problem *p;
	Layout *l;
	int *first, *last;    /* by storage */
	int *holder;          /* by buffer: the storage that is in it now */
	int align;
} Assign;

static void find_lifetimes(Assign *a)
{
	const Problem *p = a->p;
	int *step = arena_array(p->arena, int, p->ntasks);
	for (int i = 0; i < p->ntasks; i++)
		step[a->l->order[i]] = i;
	for (int s = 0; s < p->nstorages; s++) {
		const Storage *st = &p->storage[s];
		a->first[s] = st->writer < 0 ? 0 : step[st->writer];
		a->last[s] = a->first[s];
		for (int i = 0; i < st->nreaders; i++)
			if (step[st->reader[i]] > a->last[s])
				a->last[s] = step[st->reader[i]];
		if (st->output && p->ntasks)
			a->last[s] = p->ntasks - 1;
	}
}

/* No stricter than a small buffer can use. */
static int64_t alignment(int64_t bytes, int align)
{
	int64_t most = 8;
	while (most < bytes && most < align)
		most *= 2;
	return most < align ? most : align;
}

static void new_buffer(Assign *a, int s)
{
	const Storage *st = &a->p->storage[s];
	Layout *l = a->l;
	a->holder[l->nbuffers] = s;
	l->of[s] = l->nbuffers;
	l->buffer[l->nbuffers++] = (Buffer){
		.name = st->root->name, .memory = st->root->memory,
		.bytes = st->bytes, .align = alignment(st->bytes, a->align),
		.first = a->first[s], .last = a->last[s],
	};
}

/* The buffer that storage s may take over at this step, or -1. */
static int dying_buffer(const Assign *a, const Task *t, int step, int s)
{
	for (int i = 0; i < t->nreuses; i++) {
		int r = t->reuse[i].read;
		if (t->reuse[i].write == s && a->last[r] == step &&
		    !a->p->storage[r].output && a->holder[a->l->of[r]] == r)
			return a->l->of[r];
	}
	return -1;
}

static void assign_writes(Assign *a, const Task *t, int step)
{
	for (int i = 0; i < t->nwrites; i++) {
		int s = t->write[i];
		if (a->p->storage[s].region != REGION_ARENA)
			continue;
		int b = dying_buffer(a, t, step, s);
		if (b < 0) {
			new_buffer(a, s);
			continue;
		}
		a->holder[b] = s;
		a->l->of[s] = b;
		a->l->buffer[b].last = a->last[s];
	}
}

static void find_peak(Assign *a)
{
	Layout *l = a->l;
	int nsteps = a->p->ntasks > 0 ? a->p->ntasks : 1;
	int64_t *change = arena_array(a->p->arena, int64_t, nsteps + 1);
	for (int b = 0; b < l->nbuffers; b++) {
		change[l->buffer[b].first] += l->buffer[b].bytes;
		change[l->buffer[b].last + 1] -= l->buffer[b].bytes;
	}
	int64_t live = 0;
	for (int i = 0; i < nsteps; i++) {
		live += change[i];
		if (live > l->peak) {
			l->peak = live;
			l->peak_step = i;
		}
	}
}

Layout *layout_create(const Problem *p, const int order[], int align)
{
	Arena *arena = p->arena;
	Layout *l = arena_new(arena, Layout);
	l->order = order;
	l->buffer = arena_array(arena, Buffer, p->nstorages);
	l->of = arena_array(arena, int, p->nstorages);
	Assign a = {
		p, l, arena_array(arena, int, p->nstorages),
		arena_array(arena, int, p->nstorages),
		arena_array(arena, int, p->nstorages), align,
	};
	find_lifetimes(&a);
	for (int s = 0; s < p->nstorages; s++) {
		l->of[s] = -1;
		if (p->storage[s].region == REGION_ARENA &&
		    p->storage[s].writer < 0)
			new_buffer(&a, s);
	}
	for (int i = 0; i < p->ntasks; i++)
		assign_writes(&a, &p->task[order[i]], i);
	find_peak(&a);
	return l;
}

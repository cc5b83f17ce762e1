/*
 * Lifetimes for one order, and buffers: a storage takes over the buffer of one
 * that dies at the step where it is written, if the kernel may overwrite it. If
 * it does not lie in just the same place, the buffer has windows: what the one
 * takes, both at that step, what the other takes.
 *
 * Values that lie over one another must be placed together, which makes placing
 * harder. So the peak is found with all that may, and then only those do that
 * it needs: at steps that would be above it.
 */
#include "passes/planner.h"

typedef struct Assign {
	const Problem *p;
	Layout *l;
	int *first, *last;    /* by storage */
	int *holder;          /* by buffer: the storage that is in it now */
	int align;
	int64_t *saved;       /* by step: bytes, by lying over a part */
	const bool *needed;   /* by step: that must be; NULL: may everywhere */
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

static bool in_place(const Assign *a, const Reuse *u)
{
	return !u->ahead && a->p->storage[u->read].bytes ==
	                    a->p->storage[u->write].bytes;
}

/* How storage s may lie over one that dies at this step; NULL: it may not. */
static const Reuse *dying(const Assign *a, const Task *t, int step, int s)
{
	for (int i = 0; i < t->nreuses; i++) {
		const Reuse *u = &t->reuse[i];
		int r = u->read;
		if (u->write == s && a->last[r] == step &&
		    !a->p->storage[r].output && a->holder[a->l->of[r]] == r &&
		    (in_place(a, u) || !a->needed || a->needed[step]))
			return u;
	}
	return NULL;
}

/* ---- windows ---- */

static BufferWindow window_of(const Assign *a, int s)
{
	return (BufferWindow){a->first[s], a->last[s], a->l->at[s],
	                      a->l->at[s] + a->p->storage[s].bytes};
}

static void add_window(Assign *a, Buffer *b, BufferWindow w)
{
	int n = b->nwindows;
	if (w.first > w.last)
		return;
	if (!(n & (n - 1))) {
		BufferWindow *more = arena_array(a->p->arena, BufferWindow,
		                                 n ? 2 * n : 1);
		for (int i = 0; i < n; i++)
			more[i] = b->window[i];
		b->window = more;
	}
	b->window[b->nwindows++] = w;
}

/* Both at this step, s from then on. */
static void overlap(Assign *a, Buffer *b, int step, int r, int s)
{
	if (!b->nwindows)
		add_window(a, b, (BufferWindow){b->first, step, 0, b->bytes});
	BufferWindow *last = &b->window[b->nwindows - 1], both = *last;
	BufferWindow after = window_of(a, s), before = window_of(a, r);
	both.first = both.last = step;
	both.low = before.low < after.low ? before.low : after.low;
	both.high = before.high > after.high ? before.high : after.high;
	last->last = step - 1;
	b->nwindows -= last->first > last->last;
	add_window(a, b, both);
	after.first = step + 1;
	add_window(a, b, after);
}

/* The lowest byte of a buffer becomes its first. */
static void settle_buffer(Buffer *b)
{
	int64_t low = 0, high = b->bytes;
	for (int i = 0; i < b->nwindows; i++) {
		low = b->window[i].low < low ? b->window[i].low : low;
		high = b->window[i].high > high ? b->window[i].high : high;
	}
	for (int i = 0; i < b->nwindows; i++) {
		b->window[i].low -= low;
		b->window[i].high -= low;
	}
	b->bytes = high - low;
	b->offset = low;
}

/* b->offset is unused until the buffers are placed: here, where its first
 * storage begins. */
static void settle_buffers(Assign *a)
{
	Layout *l = a->l;
	for (int b = 0; b < l->nbuffers; b++)
		settle_buffer(&l->buffer[b]);
	for (int s = 0; s < a->p->nstorages; s++)
		if (l->of[s] >= 0)
			l->at[s] -= l->buffer[l->of[s]].offset;
	for (int b = 0; b < l->nbuffers; b++)
		l->buffer[b].offset = 0;
}

/* ---- who goes where ---- */

static void take_over(Assign *a, const Reuse *u, int step)
{
	int s = u->write, r = u->read;
	Buffer *b = &a->l->buffer[a->l->of[r]];
	int64_t align = alignment(a->p->storage[s].bytes, a->align);
	a->holder[a->l->of[r]] = s;
	a->l->of[s] = a->l->of[r];
	a->l->at[s] = a->l->at[r] - u->ahead;
	b->align = b->align > align ? b->align : align;
	if (!in_place(a, u)) {
		overlap(a, b, step, r, s);
		a->saved[step] += reuse_saves(a->p, u);
	} else if (b->nwindows) {
		b->window[b->nwindows - 1].last = a->last[s];
	}
	b->last = a->last[s];
}

static void assign_writes(Assign *a, const Task *t, int step)
{
	for (int i = 0; i < t->nwrites; i++) {
		int s = t->write[i];
		if (a->p->storage[s].region != REGION_ARENA)
			continue;
		const Reuse *u = dying(a, t, step, s);
		if (u)
			take_over(a, u, step);
		else
			new_buffer(a, s);
	}
}

/* Bytes that live at each step, and the most. */
static int64_t *find_peak(Assign *a)
{
	Layout *l = a->l;
	int nsteps = a->p->ntasks > 0 ? a->p->ntasks : 1;
	int64_t *change = arena_array(a->p->arena, int64_t, nsteps + 1);
	for (int b = 0; b < l->nbuffers; b++)
		for (int i = 0; i < buffer_windows(&l->buffer[b]); i++) {
			BufferWindow w = buffer_window(&l->buffer[b], i);
			change[w.first] += w.high - w.low;
			change[w.last + 1] -= w.high - w.low;
		}
	int64_t live = 0;
	for (int i = 0; i < nsteps; i++) {
		change[i] = live += change[i];
		if (live > l->peak) {
			l->peak = live;
			l->peak_step = i;
		}
	}
	return change;
}

/* The buffers; the live bytes of each step are returned. */
static int64_t *assign(Assign *a, const int order[])
{
	const Problem *p = a->p;
	Layout *l = a->l = arena_new(p->arena, Layout);
	l->order = order;
	l->buffer = arena_array(p->arena, Buffer, p->nstorages);
	l->of = arena_array(p->arena, int, p->nstorages);
	l->at = arena_array(p->arena, int64_t, p->nstorages);
	find_lifetimes(a);
	for (int s = 0; s < p->nstorages; s++) {
		l->of[s] = -1;
		if (p->storage[s].region == REGION_ARENA &&
		    p->storage[s].writer < 0)
			new_buffer(a, s);
	}
	for (int i = 0; i < p->ntasks; i++)
		assign_writes(a, &p->task[order[i]], i);
	settle_buffers(a);
	return find_peak(a);
}

Layout *layout_create(const Problem *p, const int order[], int align)
{
	Arena *arena = p->arena;
	int any = 0;
	Assign a = {
		p, NULL, arena_array(arena, int, p->nstorages),
		arena_array(arena, int, p->nstorages),
		arena_array(arena, int, p->nstorages), align,
		arena_array(arena, int64_t, p->ntasks + 1), NULL,
	};
	int64_t *live = assign(&a, order);
	bool *needed = arena_array(arena, bool, p->ntasks + 1);
	for (int i = 0; i < p->ntasks; i++) {
		needed[i] = live[i] + a.saved[i] > a.l->peak;
		any += a.saved[i] > 0;
	}
	a.needed = needed;
	if (any)
		assign(&a, order);
	return a.l;
}

/*
 * Lifetimes for one order, and buffers. The storages of a body lie together,
 * and one that dies at the step where another is written may be overwritten by
 * it, if the kernel allows: then the bodies of the two lie together as well, as
 * a group, whose places differ only by where the group begins. A group becomes a
 * buffer. Of its storages no two have a byte in common at any step, unless one
 * is just being written over the other.
 *
 * If a group does not take the same bytes all the time, its buffer has windows:
 * what is alive at each step, and what lies between.
 *
 * Values that lie over one another must be placed together, which makes placing
 * harder. So the peak is found with all that may, and then only those do that
 * it needs: at steps that would be above it.
 */
#include "passes/planner.h"

#include <stdlib.h>

/* By its first storage. */
typedef struct Group {
	int last;             /* of its storages, in the list `next` */
	int64_t need;         /* what divides the place it begins at */
} Group;

typedef struct Assign {
	const Problem *p;
	Layout *l;            /* l->at: in the group */
	int *first, *last;    /* by storage: steps */
	int *group;           /* by storage; -1: not in the arena */
	int *next;            /* by storage; -1 */
	Group *of;            /* by its first storage */
	bool *taken;          /* by storage: another lies over it */
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

/* ---- groups ---- */

/* No stricter than a small buffer can use. */
static int64_t alignment(int64_t bytes, int align)
{
	int64_t most = 8;
	while (most < bytes && most < align)
		most *= 2;
	return most < align ? most : align;
}

/* What a kernel relies on. */
static int64_t needed_alignment(const Assign *a, const Storage *s)
{
	return s->root->memory == MEM_WORKSPACE ? a->align
	                                        : dtype_size(s->root->dtype);
}

/* Each body, to begin with. */
static void make_groups(Assign *a)
{
	const Problem *p = a->p;
	for (int s = 0; s < p->nstorages; s++) {
		const Storage *st = &p->storage[s];
		bool begins = !s || p->storage[s - 1].body != st->body;
		a->next[s] = a->group[s] = -1;
		a->taken[s] = false;
		a->l->at[s] = st->at;
		if (st->region != REGION_ARENA)
			continue;
		a->group[s] = begins ? s : a->group[s - 1];
		Group *g = &a->of[a->group[s]];
		if (!begins)
			a->next[g->last] = s;
		*g = (Group){s, needed_alignment(a, st)};
	}
}

static bool in_time(const Assign *a, int r, int s)
{
	return a->first[r] <= a->last[s] && a->first[s] <= a->last[r];
}

static bool is_part(int storage, int first, int more)
{
	return storage >= first && storage <= first + more;
}

static bool may_take(const Assign *a, const Reuse *u, int step)
{
	for (int k = 0; k <= u->more_read; k++) {
		int r = u->read + k;
		if (a->last[r] != step || a->p->storage[r].output)
			return false;
	}
	return reuse_is_in_place(a->p, u) || !a->needed || a->needed[step];
}

/* Is s written over r, and r as far from s as it must be if s were moved by so
 * much? */
static bool lies_over(const Assign *a, int s, int r, int64_t by)
{
	int t = a->p->storage[s].writer, step = a->first[s];
	const int64_t *at = a->l->at;
	if (t < 0 || a->last[r] != step)
		return false;
	const Task *task = &a->p->task[t];
	for (int i = 0; i < task->nreuses; i++) {
		const Reuse *u = &task->reuse[i];
		if (is_part(s, u->write, u->more_write) &&
		    is_part(r, u->read, u->more_read) &&
		    at[u->write] + by == at[u->read] - u->ahead &&
		    may_take(a, u, step))
			return true;
	}
	return false;
}

/* Would r and s, moved by so much, get into each other's way? */
static bool collide(const Assign *a, int r, int s, int64_t by)
{
	int64_t from = a->l->at[r], to = a->l->at[s] + by;
	return in_time(a, r, s) && from < to + a->p->storage[s].bytes &&
	       to < from + a->p->storage[r].bytes &&
	       !lies_over(a, s, r, by) && !lies_over(a, r, s, -by);
}

static bool may_join(const Assign *a, int g, int h, int64_t by)
{
	if (by % a->of[h].need)
		return false;
	for (int r = g; r >= 0; r = a->next[r])
		for (int s = h; s >= 0; s = a->next[s])
			if (collide(a, r, s, by))
				return false;
	return true;
}

/* Group h becomes a part of g, moved by so much. */
static void join(Assign *a, int g, int h, int64_t by)
{
	for (int s = h; s >= 0; s = a->next[s]) {
		a->group[s] = g;
		a->l->at[s] += by;
	}
	a->next[a->of[g].last] = h;
	a->of[g].last = a->of[h].last;
	if (a->of[h].need > a->of[g].need)
		a->of[g].need = a->of[h].need;
}

/* ---- who lies over whom ---- */

static bool is_taken(const Assign *a, const Reuse *u)
{
	for (int k = 0; k <= u->more_read; k++)
		if (a->taken[u->read + k])
			return true;
	return false;
}

/* Puts one over the other, if that can be. */
static bool take_over(Assign *a, const Reuse *u)
{
	int g = a->group[u->read], h = a->group[u->write];
	int64_t by = a->l->at[u->read] - u->ahead - a->l->at[u->write];
	if (g == h)
		return by == 0;
	if (!may_join(a, g, h, by))
		return false;
	join(a, g, h, by);
	return true;
}

static void find_place(Assign *a, const Task *t, int step, int s)
{
	for (int i = 0; i < t->nreuses; i++) {
		const Reuse *u = &t->reuse[i];
		if (u->write != s || !may_take(a, u, step) || is_taken(a, u) ||
		    !take_over(a, u))
			continue;
		for (int k = 0; k <= u->more_read; k++)
			a->taken[u->read + k] = true;
		if (!reuse_is_in_place(a->p, u))
			a->saved[step] += reuse_saves(a->p, u);
		return;
	}
}

/* ---- buffers ---- */

static void add_to_buffer(Assign *a, Buffer *b, int s)
{
	const Storage *st = &a->p->storage[s];
	int64_t align = alignment(st->bytes, a->align);
	int64_t end = a->l->at[s] + st->bytes;
	if (a->first[s] < b->first)
		b->first = a->first[s];
	if (a->last[s] > b->last)
		b->last = a->last[s];
	if (align > b->align)
		b->align = align;
	if (a->l->at[s] < b->offset) {
		b->bytes += b->offset - a->l->at[s];
		b->offset = a->l->at[s];
	}
	if (end - b->offset > b->bytes)
		b->bytes = end - b->offset;
}

/* Its storages' places become those from the buffer's start. */
static void new_buffer(Assign *a, int s)
{
	Layout *l = a->l;
	int g = a->group[s], n = l->nbuffers++;
	const Storage *st = &a->p->storage[s];
	Buffer *b = &l->buffer[n];
	*b = (Buffer){
		.name = st->whole->name, .memory = st->whole->memory,
		.bytes = st->bytes, .align = a->of[g].need,
		.offset = l->at[s], .first = a->first[s], .last = a->last[s],
	};
	for (int r = g; r >= 0; r = a->next[r])
		add_to_buffer(a, b, r);
	int64_t odd = b->offset % a->of[g].need;
	odd += odd < 0 ? a->of[g].need : 0;
	b->offset -= odd;
	b->bytes += odd;
	for (int r = g; r >= 0; r = a->next[r]) {
		l->of[r] = n;
		l->at[r] -= b->offset;
	}
	b->offset = 0;
}

/* ---- windows ---- */

static int ascending(const void *pa, const void *pb)
{
	return *(const int *)pa - *(const int *)pb;
}

/* The steps at which what is alive in the group changes, each once. */
static int find_changes(const Assign *a, int g, int step[])
{
	int n = 0, kept = 0;
	for (int s = g; s >= 0; s = a->next[s]) {
		step[n++] = a->first[s];
		step[n++] = a->last[s] + 1;
	}
	qsort(step, (size_t)n, sizeof *step, ascending);
	for (int i = 0; i < n; i++)
		if (!kept || step[kept - 1] != step[i])
			step[kept++] = step[i];
	return kept;
}

static BufferWindow window_at(const Assign *a, int g, int first, int last)
{
	BufferWindow w = {first, last, INT64_MAX, INT64_MIN};
	for (int s = g; s >= 0; s = a->next[s]) {
		int64_t low = a->l->at[s];
		int64_t high = low + a->p->storage[s].bytes;
		if (a->first[s] > first || a->last[s] < first)
			continue;
		w.low = low < w.low ? low : w.low;
		w.high = high > w.high ? high : w.high;
	}
	return w;
}

static void find_windows(Assign *a, int g, Buffer *b)
{
	Arena *scratch = arena_create();
	int n = 0;
	for (int s = g; s >= 0; s = a->next[s])
		n += 2;
	int *step = arena_array(scratch, int, n);
	n = find_changes(a, g, step);
	b->window = arena_array(a->p->arena, BufferWindow, n);
	for (int i = 0; i + 1 < n; i++) {
		BufferWindow w = window_at(a, g, step[i], step[i + 1] - 1);
		BufferWindow *last = &b->window[b->nwindows - 1];
		if (b->nwindows && last->low == w.low && last->high == w.high)
			last->last = w.last;
		else
			b->window[b->nwindows++] = w;
	}
	if (b->nwindows == 1 && b->window->high - b->window->low == b->bytes)
		b->nwindows = 0;
	arena_destroy(scratch);
}

static void make_buffer(Assign *a, int s)
{
	if (a->group[s] < 0 || a->l->of[s] >= 0)
		return;
	new_buffer(a, s);
	Buffer *b = &a->l->buffer[a->l->of[s]];
	if (a->next[a->group[s]] >= 0 && b->bytes)
		find_windows(a, a->group[s], b);
}

/* What is there from the start comes first. */
static void make_buffers(Assign *a)
{
	const Problem *p = a->p;
	for (int s = 0; s < p->nstorages; s++)
		a->l->of[s] = -1;
	for (int s = 0; s < p->nstorages; s++)
		if (p->storage[s].writer < 0)
			make_buffer(a, s);
	for (int i = 0; i < p->ntasks; i++) {
		const Task *t = &p->task[a->l->order[i]];
		for (int k = 0; k < t->nwrites; k++)
			make_buffer(a, t->write[k]);
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
	make_groups(a);
	for (int i = 0; i < p->ntasks; i++) {
		const Task *t = &p->task[order[i]];
		for (int k = 0; k < t->nwrites; k++)
			find_place(a, t, i, t->write[k]);
	}
	make_buffers(a);
	return find_peak(a);
}

Layout *layout_create(const Problem *p, const int order[], int align)
{
	Arena *arena = p->arena;
	int any = 0;
	Assign a = {
		.p = p, .align = align,
		.first = arena_array(arena, int, p->nstorages),
		.last = arena_array(arena, int, p->nstorages),
		.group = arena_array(arena, int, p->nstorages),
		.next = arena_array(arena, int, p->nstorages),
		.of = arena_array(arena, Group, p->nstorages),
		.taken = arena_array(arena, bool, p->nstorages),
		.saved = arena_array(arena, int64_t, p->ntasks + 1),
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

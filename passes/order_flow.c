/*
 * Maximum flow by shortest augmenting paths, level by level (Dinic). Arcs are
 * linked lists; an arc and its reverse are neighbours in the table.
 */
#include "passes/order.h"

#include <string.h>

typedef struct Arc {
	int to, next;         /* next: of the same node; -1 */
	int64_t room;
} Arc;

struct Flow {
	Arena *arena;
	int nnodes, narcs, maxarcs;
	Arc *arc;
	int *first, *now;     /* by node: arcs; -1 */
	int *level, *queue;   /* level: from the source; -1 */
	int *path;            /* arcs from the source to where we are */
};

Flow *flow_create(Arena *a, int nnodes)
{
	Flow *f = arena_new(a, Flow);
	f->arena = a;
	f->nnodes = nnodes;
	f->maxarcs = 64;
	f->arc = arena_array(a, Arc, f->maxarcs);
	f->first = arena_array(a, int, nnodes);
	f->now = arena_array(a, int, nnodes);
	f->level = arena_array(a, int, nnodes);
	f->queue = arena_array(a, int, nnodes);
	f->path = arena_array(a, int, nnodes);
	for (int i = 0; i < nnodes; i++)
		f->first[i] = -1;
	return f;
}

static void half_arc(Flow *f, int from, int to, int64_t room)
{
	f->arc[f->narcs] = (Arc){to, f->first[from], room};
	f->first[from] = f->narcs++;
}

void flow_arc(Flow *f, int from, int to, int64_t capacity)
{
	if (f->narcs == f->maxarcs) {
		Arc *more = arena_array(f->arena, Arc, 2 * f->maxarcs);
		memcpy(more, f->arc, sizeof *more * (size_t)f->narcs);
		f->arc = more;
		f->maxarcs *= 2;
	}
	half_arc(f, from, to, capacity);
	half_arc(f, to, from, 0);
}

/* Distances from the source, up to that of the sink. */
static bool find_levels(Flow *f, int source, int sink, int64_t *work)
{
	int head = 0, tail = 0;
	for (int i = 0; i < f->nnodes; i++)
		f->level[i] = -1;
	f->level[source] = 0;
	f->queue[tail++] = source;
	while (head < tail && (sink < 0 || f->level[sink] < 0)) {
		int u = f->queue[head++];
		for (int e = f->first[u]; e >= 0; e = f->arc[e].next) {
			int v = f->arc[e].to;
			--*work;
			if (f->arc[e].room && f->level[v] < 0) {
				f->level[v] = f->level[u] + 1;
				f->queue[tail++] = v;
			}
		}
	}
	return sink >= 0 && f->level[sink] >= 0;
}

static int source_of(const Flow *f, int arc)
{
	return f->arc[arc ^ 1].to;
}

/* Sends what the path can take; returns how much of the path still has room. */
static int send(Flow *f, int length, int64_t *sum)
{
	int64_t least = INT64_MAX;
	int at = 0;
	for (int i = 0; i < length; i++)
		if (f->arc[f->path[i]].room < least) {
			least = f->arc[f->path[i]].room;
			at = i;
		}
	for (int i = 0; i < length; i++) {
		f->arc[f->path[i]].room -= least;
		f->arc[f->path[i] ^ 1].room += least;
	}
	*sum += least;
	return at;
}

/* The next arc of u that leads a level further, or -1. */
static int advance(Flow *f, int u, int64_t *work)
{
	int e = f->now[u];
	while (e >= 0 && (!f->arc[e].room ||
	                  f->level[f->arc[e].to] != f->level[u] + 1)) {
		e = f->arc[e].next;
		--*work;
	}
	return f->now[u] = e;
}

static int64_t block(Flow *f, int source, int sink, int64_t *work)
{
	int64_t sum = 0;
	int length = 0, u = source;
	memcpy(f->now, f->first, sizeof *f->now * (size_t)f->nnodes);
	while (*work > 0) {
		if (u == sink) {
			*work -= length;
			length = send(f, length, &sum);
			u = source_of(f, f->path[length]);
		}
		int e = advance(f, u, work);
		if (e >= 0) {
			f->path[length++] = e;
			u = f->arc[e].to;
		} else if (u == source) {
			break;
		} else {
			f->level[u] = -1;
			u = source_of(f, f->path[--length]);
		}
	}
	return sum;
}

int64_t flow_maximum(Flow *f, int source, int sink, int64_t *work)
{
	int64_t sum = 0;
	while (*work > 0 && find_levels(f, source, sink, work))
		sum += block(f, source, sink, work);
	return sum;
}

void flow_side(Flow *f, int source, bool side[])
{
	int64_t any = 0;
	find_levels(f, source, -1, &any);
	for (int i = 0; i < f->nnodes; i++)
		side[i] = f->level[i] >= 0;
}

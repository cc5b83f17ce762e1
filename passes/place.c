/* Offsets: the buffers' lives and sizes are a packing problem (pack.h). */
#include "passes/pack.h"
#include "passes/pass.h"
#include "passes/planner.h"

#include <string.h>

/* For each buffer, and in all: enough for most of what can be gained over greedy
 * placements. A search that needs more is one that the planner would run too
 * often. (Fuzzers make do with fewer.) */
#ifndef PLACE_NODES
#define PLACE_NODES 200000
#endif
enum { BUFFER_NODES = 300, AGAIN = 16 };

static const PackWindow *windows_of(Arena *a, const Buffer *b)
{
	PackWindow *w = arena_array(a, PackWindow, b->nwindows);
	for (int i = 0; i < b->nwindows; i++) {
		const BufferWindow *x = &b->window[i];
		w[i] = (PackWindow){x->first, (int64_t)x->last + 1, x->low,
		                    x->high};
	}
	return w;
}

static int64_t place(Arena *a, int n, Buffer buffer[], int64_t nodes)
{
	PackItem *item = arena_array(a, PackItem, n + 1);
	int64_t *offset = arena_array(a, int64_t, n + 1), top = 0;
	for (int i = 0; i < n; i++)
		item[i] = (PackItem){
			buffer[i].first, (int64_t)buffer[i].last + 1,
			buffer[i].bytes, buffer[i].align,
			buffer[i].nwindows, windows_of(a, &buffer[i])};
	pack(n, item, (PackLimits){.nodes = nodes}, offset);
	for (int i = 0; i < n; i++) {
		buffer[i].offset = offset[i];
		if (offset[i] + buffer[i].bytes > top)
			top = offset[i] + buffer[i].bytes;
	}
	return top;
}

static int64_t some_nodes(int n)
{
	int64_t nodes = BUFFER_NODES * (int64_t)n;
	return nodes < PLACE_NODES ? nodes : PLACE_NODES;
}

int64_t place_buffers(Arena *a, int n, Buffer buffer[])
{
	return place(a, n, buffer, some_nodes(n));
}

/* ---- not again what was placed before ---- */

struct Placed {
	int n;
	const Buffer *buffer;
	int64_t bytes;
	Placed *next;
};

static bool same_windows(const Buffer *a, const Buffer *b)
{
	for (int i = 0; i < a->nwindows; i++) {
		const BufferWindow *x = &a->window[i], *y = &b->window[i];
		if (x->first != y->first || x->last != y->last ||
		    x->low != y->low || x->high != y->high)
			return false;
	}
	return true;
}

static bool same_problem(int n, const Buffer a[], const Buffer b[])
{
	for (int i = 0; i < n; i++)
		if (a[i].first != b[i].first || a[i].last != b[i].last ||
		    a[i].bytes != b[i].bytes || a[i].align != b[i].align ||
		    a[i].nwindows != b[i].nwindows ||
		    !same_windows(&a[i], &b[i]))
			return false;
	return true;
}

int64_t place_once(Placed **placed, Arena *a, int n, Buffer buffer[])
{
	for (const Placed *p = *placed; p; p = p->next)
		if (p->n == n && same_problem(n, p->buffer, buffer)) {
			for (int i = 0; i < n; i++)
				buffer[i].offset = p->buffer[i].offset;
			return p->bytes;
		}
	Placed *p = arena_new(a, Placed);
	*p = (Placed){n, buffer, place_buffers(a, n, buffer), *placed};
	*placed = p;
	return p->bytes;
}

/* ---- again with more time ---- */

static void move_to(Plan *plan, const Buffer to[])
{
	for (int v = 0; v < plan->graph->nvalues; v++) {
		Place *at = &plan->place[v];
		if (at->base && at->region == REGION_ARENA)
			at->offset += to[at->buffer].offset -
			              plan->buffer[at->buffer].offset;
	}
	for (int b = 0; b < plan->nbuffers; b++)
		plan->buffer[b].offset = to[b].offset;
}

void plan_place_again(Plan *plan)
{
	Arena *scratch = arena_create();
	int n = plan->nbuffers;
	Buffer *again = arena_array(scratch, Buffer, n);
	memcpy(again, plan->buffer, sizeof *again * (size_t)n);
	int64_t bytes = place(scratch, n, again, AGAIN * some_nodes(n));
	if (bytes < plan->arena_bytes) {
		plan->arena_bytes = bytes;
		move_to(plan, again);
	}
	const char *wrong = plan_check(scratch, plan);
	if (wrong)
		BUG("the plan of '%s', placed again, is wrong: %s",
		    plan->graph->name, wrong);
	arena_destroy(scratch);
}

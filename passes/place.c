/* Offsets: the buffers' lives and sizes are a packing problem (pack.h). */
#include "passes/pack.h"
#include "passes/planner.h"

/* For each buffer, and in all: enough for most of what can be gained over greedy
 * placements. A search that needs more is one that the planner would run too
 * often. (Fuzzers make do with fewer.) */
#ifndef PLACE_NODES
#define PLACE_NODES 200000
#endif
enum { BUFFER_NODES = 300 };

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

int64_t place_buffers(Arena *a, int n, Buffer buffer[])
{
	PackItem *item = arena_array(a, PackItem, n + 1);
	int64_t *offset = arena_array(a, int64_t, n + 1), top = 0;
	int64_t nodes = BUFFER_NODES * (int64_t)n;
	for (int i = 0; i < n; i++)
		item[i] = (PackItem){
			buffer[i].first, (int64_t)buffer[i].last + 1,
			buffer[i].bytes, buffer[i].align,
			buffer[i].nwindows, windows_of(a, &buffer[i])};
	nodes = nodes < PLACE_NODES ? nodes : PLACE_NODES;
	pack(n, item, (PackLimits){.nodes = nodes}, offset);
	for (int i = 0; i < n; i++) {
		buffer[i].offset = offset[i];
		if (offset[i] + buffer[i].bytes > top)
			top = offset[i] + buffer[i].bytes;
	}
	return top;
}

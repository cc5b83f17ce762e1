/* Offsets: the buffers' lives and sizes are a packing problem (pack.h). */
#include "passes/pack.h"
#include "passes/planner.h"

/* Enough to prove what can be proved for training graphs, whose lives nest;
 * a search that needs more is one that the planner would run too often. (Fuzzers
 * make do with fewer.) */
#ifndef PLACE_NODES
#define PLACE_NODES 200000
#endif

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

int64_t place_buffers(Arena *a, int n, Buffer buffer[], int64_t bound)
{
	PackItem *item = arena_array(a, PackItem, n + 1);
	int64_t *offset = arena_array(a, int64_t, n + 1), top = 0;
	for (int i = 0; i < n; i++)
		item[i] = (PackItem){
			buffer[i].first, (int64_t)buffer[i].last + 1,
			buffer[i].bytes, buffer[i].align,
			buffer[i].nwindows, windows_of(a, &buffer[i])};
	pack(n, item, (PackLimits){bound, PLACE_NODES}, offset);
	for (int i = 0; i < n; i++) {
		buffer[i].offset = offset[i];
		if (offset[i] + buffer[i].bytes > top)
			top = offset[i] + buffer[i].bytes;
	}
	return top;
}

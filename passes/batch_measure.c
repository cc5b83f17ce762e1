/* What a choice of recomputations costs: operations, and bytes at each item. */
#include "passes/batch.h"

#include "ir/op.h"

#include <string.h>

/* ---- lives ---- */

static int64_t part_bytes(const Batch *b, int root)
{
	return b->bytes[root] / b->options->parts;
}

/* Behind those that are larger. */
static void list_start(Batch *b, int whole)
{
	Whole *w = &b->whole[whole];
	int *at = &b->starts[w->start];
	if (!b->may_repeat[w->root])
		return;
	while (*at >= 0 &&
	       b->bytes[b->whole[*at].root] >= b->bytes[w->root])
		at = &b->whole[*at].follows;
	w->follows = *at;
	*at = whole;
}

static void add_whole(Batch *b, int r)
{
	if (b->nwholes == b->maxwholes) {
		int max = 2 * b->maxwholes + 64;
		Whole *more = arena_array(b->arena, Whole, max);
		if (b->nwholes)
			memcpy(more, b->whole,
			       sizeof *more * (size_t)b->nwholes);
		b->whole = more;
		b->maxwholes = max;
	}
	Whole *w = &b->whole[b->nwholes];
	*w = b->life[r];
	w->next = b->ends[w->last];
	w->earlier = b->latest[r];
	b->latest[r] = b->nwholes;
	b->ends[w->last] = b->nwholes;
	list_start(b, b->nwholes++);
	b->live[w->start] += b->bytes[r];
	b->live[w->last + 1] -= b->bytes[r];
}

/* A part of it inside of one item. */
static void add_part(Batch *b, const Whole *life)
{
	Tick *from = &b->tick[life->written], *to = &b->tick[life->read];
	int64_t bytes = part_bytes(b, life->root);
	from->bytes += bytes;
	to[1].bytes -= bytes;
	from->born = true;
	to->dies |= bytes == part_bytes(b, to->node->out[0]->id);
}

static void end_life(Batch *b, int r)
{
	const Whole *life = &b->life[r];
	if (life->start < 0)
		return;
	if (life->last == life->start && b->may_repeat[r])
		add_part(b, life);
	else
		add_whole(b, r);
}

/* ---- running ---- */

static int next_tick(Batch *b, const Node *n, int item)
{
	if (b->nticks + 2 > b->maxticks) {
		int max = 2 * b->maxticks + 256;
		Tick *more = arena_array(b->arena, Tick, max);
		if (b->nticks)
			memcpy(more, b->tick,
			       sizeof *more * (size_t)(b->nticks + 1));
		b->tick = more;
		b->maxticks = max;
	}
	Tick *t = &b->tick[b->nticks];
	t->node = n;
	t->item = item;
	t->bytes += b->aside[n->id];
	t[1] = (Tick){.bytes = -b->aside[n->id]};
	return b->nticks++;
}

static void compute(Batch *b, const Node *n, int item)
{
	int now = next_tick(b, n, item);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && b->root[n->in[i]->id] >= 0)
			b->life[b->root[n->in[i]->id]].read = now;
	for (int o = 0; o < n->nout; o++) {
		int r = n->out[o]->id;
		if (b->root[r] != r)
			continue;
		end_life(b, r);
		b->life[r] = (Whole){.root = r,
				     .start = item,
				     .last = item,
				     .written = now,
				     .read = now};
		b->stamp[r] = item;
	}
}

static void need(Batch *b, const Value *v, int item)
{
	int r = v ? b->root[v->id] : -1;
	if (r < 0 || b->stamp[r] == item)
		return;
	b->stamp[r] = item;
	if (!b->again[r] || !b->again[r][item]) {
		b->life[r].last = item;
		return;
	}
	const Node *n = b->value[r]->def;
	for (int i = 0; i < n->nin; i++)
		need(b, n->in[i], item);
	b->extra_flops += b->flops[r];
	compute(b, n, item);
}

static void run_item(Batch *b, int item)
{
	b->tick_of[item] = b->nticks;
	for (int k = 0; k < b->item[item].n; k++) {
		const Node *n = b->item[item].node[k];
		for (int v = 0; v < n->nin; v++)
			need(b, n->in[v], item);
		compute(b, n, item);
	}
}

/* ---- adding up ---- */

static void start_over(Batch *b)
{
	memset(b->live, 0, sizeof *b->live * (size_t)(b->nitems + 2));
	b->extra_flops = b->excess = b->peak = 0;
	b->peak_item = b->nwholes = b->nticks = 0;
	if (b->maxticks)
		b->tick[0] = (Tick){0};
	for (int i = 0; i <= b->nitems; i++)
		b->ends[i] = b->starts[i] = -1;
	for (int v = 0; v < b->nvalues; v++) {
		b->stamp[v] = b->latest[v] = b->life[v].start = -1;
		if (b->root[v] == v && b->made[v] < 0)
			b->life[v] = (Whole){.root = v};
	}
}

/* Bytes of a value that ends which another has, part by part: where that is
 * written before the other is read, all but a part. */
static int64_t bytes_taken(const Batch *b, const Whole *w, const Whole *d)
{
	const Node *n = b->value[w->root]->def;
	int64_t have = b->bytes[d->root], want = b->bytes[w->root];
	int64_t least = have < want ? have : want;
	bool over = have == want && b->in_place[n->id];
	if (d->taken || d->start >= w->start || !b->may_repeat[d->root])
		return 0;
	return d->read < w->written + over
		? least : least - least / b->options->parts;
}

static void take_place(Batch *b, const Whole *w)
{
	int64_t most = 0;
	int best = -1;
	for (int e = b->ends[w->start]; e >= 0; e = b->whole[e].next) {
		int64_t bytes = bytes_taken(b, w, &b->whole[e]);
		if (bytes <= most)
			continue;
		most = bytes;
		best = e;
	}
	if (best < 0)
		return;
	b->whole[best].taken = true;
	b->live[w->start] -= most;
	b->live[w->start + 1] += most;
}

/* The largest first, each where it takes the most. */
static void take_places(Batch *b)
{
	for (int i = 0; i < b->nitems; i++)
		for (int k = b->starts[i]; k >= 0; k = b->whole[k].follows)
			take_place(b, &b->whole[k]);
}

/* The most that the item takes besides what is whole. */
static int64_t bytes_inside(const Batch *b, int item, int end)
{
	int64_t now = 0, most = 0;
	for (int i = b->tick_of[item]; i < end; i++) {
		const Tick *t = &b->tick[i];
		now += t->bytes;
		int64_t bytes = now;
		if (t->born && t->dies && b->in_place[t->node->id])
			bytes -= part_bytes(b, t->node->out[0]->id);
		most = bytes > most ? bytes : most;
	}
	return most;
}

static void sum_up(Batch *b)
{
	int64_t live = 0;
	take_places(b);
	b->work += b->nticks;
	b->tick_of[b->nitems] = b->nticks;
	for (int i = 0; i < b->nitems; i++) {
		live += b->live[i];
		b->live[i] = live + bytes_inside(b, i, b->tick_of[i + 1]);
		if (b->live[i] > b->peak) {
			b->peak = b->live[i];
			b->peak_item = i;
		}
		if (b->live[i] > b->target)
			b->excess += b->live[i] - b->target;
	}
}

void batch_measure(Batch *b)
{
	start_over(b);
	for (int i = 0; i < b->nitems; i++)
		run_item(b, i);
	for (int i = 0; i < b->graph->noutputs; i++) {
		int r = b->root[b->graph->output[i].value->id];
		if (r >= 0)
			b->life[r].last = b->nitems - 1;
	}
	for (int v = 0; v < b->nvalues; v++)
		if (b->root[v] == v)
			end_life(b, v);
	sum_up(b);
}

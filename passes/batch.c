#include "passes/batch.h"

#include "ir/op.h"
#include "ir/scan.h"
#include "passes/gradient_tile.h"
#include "passes/pass.h"

#include <string.h>

enum { MOST_CHOICES = 1 << 26 };   /* roots times items */

/* ---- items ---- */

static void find_items(Batch *b)
{
	b->runs = scan_runs(b->arena, b->graph, b->options);
	b->nitems = b->runs.nitems;
	b->item = arena_array(b->arena, Item, b->nitems + 1);
	for (int i = 0; i < b->runs.n; i++) {
		Node *n = b->runs.order[i];
		Item *it = &b->item[b->runs.item[n->id]];
		it->node = it->n++ ? it->node : &b->runs.order[i];
		it->scan = b->runs.in_parts[n->id];
	}
}

/* ---- values ---- */

static bool is_sized(const Batch *b, const Value *v)
{
	return value_is_given(v) ||
	       (v->kind == V_RESULT && !v->var &&
	        v->memory != MEM_WORKSPACE && !b->runs.in_momentum[v->id]);
}

static void note_value(Batch *b, Value *v)
{
	if (!v || b->value[v->id])
		return;
	const Value *root = value_viewed(v);
	b->value[v->id] = v;
	b->root[v->id] = is_sized(b, root) ? root->id : -1;
	b->bytes[v->id] = value_bytes(v);
}

/* What is computed in parts. */
static bool repeats(const Batch *b, const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (!b->runs.rows[n->out[o]->id] &&
		    n->out[o]->memory != MEM_WORKSPACE)
			return false;
	return b->runs.in_parts[n->id] && !n->op->view;
}

/* May what the node computes lie over any input of its size? */
static bool works_in_place(const Node *n)
{
	Arena *scratch = arena_create();
	const Kernel *k = n->op->view ? NULL : kernel_of(scratch, n);
	bool fits = k != NULL;
	for (int i = 0; i < n->nin && fits; i++)
		if (n->in[i] && value_bytes(n->in[i]) == value_bytes(n->out[0]))
			fits = kernel_in_place(k, n->in[i], n->out[0]);
	arena_destroy(scratch);
	return fits;
}

/* While the node runs: its workspace; and what it adds to a sum in parts, or a
 * tile of that, unless it goes on from the sum. */
static int64_t bytes_aside(const Batch *b, const Node *n)
{
	const Core *core = target_or_host(b->options->target)->core;
	bool sums = b->runs.in_parts[n->id] && !n->out[0]->var &&
	            !b->runs.rows[n->out[0]->id];
	bool on = sums && n->op->goes_on && b->options->in_order;
	int64_t bytes = sums && !on ? fused_gradient_bytes(n, core->workspace)
	                            : 0;
	for (int o = sums; o < n->nout; o++)
		if (n->out[o]->memory == MEM_WORKSPACE ||
		    (!on && !n->out[o]->var && b->runs.in_parts[n->id] && !b->runs.rows[n->out[o]->id]))
			bytes += value_bytes(n->out[o]);
	return bytes;
}

static void note_node(Batch *b, int i, Node *n)
{
	for (int k = 0; k < n->nin; k++)
		note_value(b, n->in[k]);
	int64_t flops = n->op->view ? 0 : node_cost(n).flops;
	b->in_place[n->id] = works_in_place(n);
	b->aside[n->id] = bytes_aside(b, n);
	for (int o = 0; o < n->nout; o++) {
		Value *v = n->out[o];
		note_value(b, v);
		b->flops[v->id] = flops;
		b->made[v->id] = i;
		b->may_repeat[v->id] = repeats(b, n);
		if (v->var)
			b->replaced[v->var->id] = i;
	}
}

static Batch *new_batch(Arena *a, Graph *g, const Options *o)
{
	Batch *b = arena_new(a, Batch);
	int n = b->nvalues = g->nvalues;
	b->arena = a;
	b->graph = g;
	b->options = o;
	b->root = arena_array(a, int, n);
	b->value = arena_array(a, Value *, n);
	b->made = arena_array(a, int, n);
	b->may_repeat = arena_array(a, bool, n);
	b->replaced = arena_array(a, int, g->model->nvars);
	b->bytes = arena_array(a, int64_t, n);
	b->flops = arena_array(a, int64_t, n);
	b->life = arena_array(a, Whole, n);
	b->stamp = arena_array(a, int, n);
	b->latest = arena_array(a, int, n);
	b->mark = arena_array(a, int, n);
	b->in_place = arena_array(a, bool, g->nnodes);
	b->aside = arena_array(a, int64_t, g->nnodes);
	b->nreaders = arena_array(a, int, n);
	b->reader = arena_array(a, int *, n);
	b->again = arena_array(a, bool *, n);
	for (int v = 0; v < n; v++)
		b->made[v] = b->root[v] = -1;
	return b;
}

/* Room for what find_readers() counted the first time and lists the second. */
static void make_room(Batch *b)
{
	for (int v = 0; v < b->nvalues; v++) {
		b->reader[v] = arena_array(b->arena, int, b->nreaders[v] + 1);
		b->nreaders[v] = 0;
	}
}

static void find_readers(Batch *b)
{
	for (int i = 0; i < b->nitems; i++)
		for (int k = 0; k < b->item[i].n; k++) {
			const Node *n = b->item[i].node[k];
			for (int v = 0; v < n->nin; v++) {
				int r = n->in[v] ? b->root[n->in[v]->id] : -1;
				int at = r < 0 ? 0 : b->nreaders[r];
				if (r < 0 || (b->reader[r] && at &&
				              b->reader[r][at - 1] == i))
					continue;
				if (b->reader[r])
					b->reader[r][at] = i;
				b->nreaders[r]++;
			}
		}
}

Batch *batch_create(Arena *a, Graph *g, const Options *o)
{
	Batch *b = new_batch(a, g, o);
	find_items(b);
	if ((int64_t)b->nitems * b->nvalues > MOST_CHOICES)
		return NULL;
	for (int i = 0; i < g->model->nvars; i++)
		b->replaced[i] = b->nitems;
	for (int i = 0; i < b->nitems; i++)
		for (int k = 0; k < b->item[i].n; k++)
			note_node(b, i, b->item[i].node[k]);
	b->tick_of = arena_array(a, int, b->nitems + 1);
	b->live = arena_array(a, int64_t, b->nitems + 2);
	b->ends = arena_array(a, int, b->nitems + 1);
	b->starts = arena_array(a, int, b->nitems + 1);
	find_readers(b);
	make_room(b);
	find_readers(b);
	for (int v = 0; v < b->nvalues; v++)
		if (b->root[v] == v && b->may_repeat[v])
			b->again[v] = arena_array(a, bool, b->nitems);
	return b;
}

int64_t batch_flops(const Batch *b)
{
	int64_t flops = 0;
	for (int i = 0; i < b->nitems; i++)
		for (int k = 0; k < b->item[i].n; k++)
			flops += b->item[i].node[k]->nout
				? b->flops[b->item[i].node[k]->out[0]->id] : 0;
	return flops;
}

bool batch_may_repeat(const Batch *b, int root, int item)
{
	const Value *v = b->value[root];
	if (!b->again[root] || b->made[root] >= item || !b->item[item].scan)
		return false;
	for (int i = 0; i < v->def->nin; i++) {
		const Value *x = v->def->in[i];
		x = x ? value_viewed(x) : NULL;
		if (x && x->kind == V_VARIABLE && b->replaced[x->var->id] <= item)
			return false;
	}
	return true;
}

/* ---- the graph ---- */

typedef struct Emit {
	Batch *b;
	int n, max;
	Node **order;
	int *item;            /* of each in the order */
	int *stamp;           /* by value id: the item that has it at hand */
} Emit;

static void emit(Emit *e, Node *n, int item)
{
	if (e->n == e->max) {
		Arena *a = e->b->arena;
		Node **order = arena_array(a, Node *, 2 * e->max);
		int *items = arena_array(a, int, 2 * e->max);
		memcpy(order, e->order, sizeof(Node *) * (size_t)e->n);
		memcpy(items, e->item, sizeof(int) * (size_t)e->n);
		e->order = order;
		e->item = items;
		e->max *= 2;
	}
	e->order[e->n] = n;
	e->item[e->n++] = item;
}

static bool emit_again(Emit *e, const Value *v, int item)
{
	Batch *b = e->b;
	int r = v ? b->root[v->id] : -1;
	bool view = r >= 0 && r != v->id;
	if (r < 0 || e->stamp[v->id] == item)
		return r >= 0 && e->stamp[v->id] == item &&
		       b->again[r] && b->again[r][item];
	e->stamp[v->id] = item;
	if (view ? !emit_again(e, v->def->in[0], item)
	         : !b->again[r] || !b->again[r][item])
		return false;
	for (int i = 0; i < v->def->nin && !view; i++)
		emit_again(e, v->def->in[i], item);
	emit(e, v->def, item);
	for (int o = 0; o < v->def->nout; o++)
		e->stamp[v->def->out[o]->id] = item;
	return true;
}

Graph *batch_graph(const Batch *batch)
{
	Batch *b = (Batch *)batch;
	Emit e = {
		b, 0, 64, arena_array(b->arena, Node *, 64),
		arena_array(b->arena, int, 64),
		arena_array(b->arena, int, b->nvalues),
	};
	for (int v = 0; v < b->nvalues; v++)
		e.stamp[v] = -1;
	for (int i = 0; i < b->nitems; i++)
		for (int k = 0; k < b->item[i].n; k++) {
			Node *n = b->item[i].node[k];
			for (int v = 0; v < n->nin; v++)
				emit_again(&e, n->in[v], i);
			emit(&e, n, i);
			for (int o = 0; o < n->nout; o++)
				e.stamp[n->out[o]->id] = i;
		}
	Graph *g = graph_arrange(b->graph, e.n, e.order);
	scan_follow(g, b->options, e.item);
	return g;
}

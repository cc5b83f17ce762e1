#include "passes/batch.h"

#include "ir/op.h"
#include "ir/scan.h"
#include "passes/pass.h"

#include <string.h>

enum { MOST_CHOICES = 1 << 26 };   /* roots times items */

/* ---- items ---- */

static void find_items(Batch *b)
{
	b->runs = scan_runs(b->arena, b->graph, b->options->parts);
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

static bool is_sized(const Value *v)
{
	if (v->kind == V_INPUT)
		return v->role == IN_DATA || v->role == IN_TARGET;
	return v->kind == V_RESULT && !v->var && v->memory != MEM_WORKSPACE;
}

static void note_value(Batch *b, Value *v)
{
	if (!v || b->value[v->id])
		return;
	const Value *root = value_viewed(v);
	b->value[v->id] = v;
	b->root[v->id] = is_sized(root) ? root->id : -1;
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

static void note_node(Batch *b, int i, Node *n)
{
	for (int k = 0; k < n->nin; k++)
		note_value(b, n->in[k]);
	int64_t flops = n->op->view ? 0 : node_cost(n).flops;
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

/* Of a Scan: the parts of the largest node's operands, and a summand. */
static int64_t inner_bytes(const Batch *b, const Item *it)
{
	int64_t most = 0;
	for (int i = 0; i < it->n; i++) {
		const Node *n = it->node[i];
		int64_t sum = 0;
		for (int o = 0; o < n->nout && !n->op->view; o++)
			sum += value_bytes(n->out[o]);
		for (int k = 0; k < n->nin && it->scan; k++)
			if (n->in[k] && n->in[k]->kind == V_RESULT)
				sum += value_bytes(n->in[k]);
		most = sum > most ? sum : most;
	}
	return it->scan ? most / b->options->parts : 0;
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
	b->start = arena_array(a, int, n);
	b->last = arena_array(a, int, n);
	b->stamp = arena_array(a, int, n);
	b->latest = arena_array(a, int, n);
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
	b->inner = arena_array(a, int64_t, b->nitems + 1);
	b->live = arena_array(a, int64_t, b->nitems + 2);
	b->ends = arena_array(a, int, b->nitems + 1);
	find_readers(b);
	make_room(b);
	find_readers(b);
	for (int i = 0; i < b->nitems; i++)
		b->inner[i] = inner_bytes(b, &b->item[i]);
	for (int v = 0; v < b->nvalues; v++)
		if (b->root[v] == v && b->may_repeat[v])
			b->again[v] = arena_array(a, bool, b->nitems);
	return b;
}

/* ---- measuring ---- */

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
	*w = (Whole){r, b->start[r], b->last[r], b->ends[b->last[r]],
	             b->latest[r], false};
	b->latest[r] = b->nwholes;
	b->ends[w->last] = b->nwholes++;
}

/* A life is over: whole between items, or inside of one. */
static void end_life(Batch *b, int r)
{
	if (b->start[r] < 0 ||
	    (b->last[r] == b->start[r] && b->may_repeat[r]))
		return;
	b->live[b->start[r]] += b->bytes[r];
	b->live[b->last[r] + 1] -= b->bytes[r];
	add_whole(b, r);
}

static void begin_life(Batch *b, int r, int item)
{
	end_life(b, r);
	b->start[r] = b->last[r] = item;
	b->stamp[r] = item;
}

static void compute(Batch *b, const Node *n, int item)
{
	b->work++;
	for (int o = 0; o < n->nout; o++)
		if (b->root[n->out[o]->id] == n->out[o]->id)
			begin_life(b, n->out[o]->id, item);
}

static void need(Batch *b, const Value *v, int item)
{
	int r = v ? b->root[v->id] : -1;
	if (r < 0 || b->stamp[r] == item)
		return;
	b->stamp[r] = item;
	if (!b->again[r] || !b->again[r][item]) {
		b->last[r] = item;
		return;
	}
	const Node *n = b->value[r]->def;
	for (int i = 0; i < n->nin; i++)
		need(b, n->in[i], item);
	b->extra_flops += b->flops[r];
	compute(b, n, item);
}

static void start_over(Batch *b)
{
	memset(b->live, 0, sizeof *b->live * (size_t)(b->nitems + 2));
	b->extra_flops = b->excess = b->peak = 0;
	b->peak_item = b->nwholes = 0;
	for (int i = 0; i <= b->nitems; i++)
		b->ends[i] = -1;
	for (int v = 0; v < b->nvalues; v++) {
		b->start[v] = b->stamp[v] = b->latest[v] = -1;
		if (b->root[v] == v && b->made[v] < 0)
			b->start[v] = b->last[v] = 0;
	}
}

/* Part by part, a value can take the place of one of its size that ends. */
static int64_t bytes_reused(Batch *b, int item)
{
	int64_t bytes = 0;
	for (int e = b->ends[item]; e >= 0; e = b->whole[e].next) {
		Whole *w = &b->whole[e];
		if (w->start < item && w->taken)
			bytes += b->bytes[w->root];
	}
	return bytes;
}

static void take_places(Batch *b)
{
	for (int k = 0; k < b->nwholes; k++) {
		const Whole *w = &b->whole[k];
		int e = b->may_repeat[w->root] ? b->ends[w->start] : -1;
		for (; e >= 0; e = b->whole[e].next) {
			Whole *d = &b->whole[e];
			if (d->taken || d->start >= w->start ||
			    !b->may_repeat[d->root] ||
			    b->bytes[d->root] != b->bytes[w->root])
				continue;
			d->taken = true;
			break;
		}
	}
}

static void sum_up(Batch *b)
{
	int64_t live = 0;
	take_places(b);
	for (int i = 0; i < b->nitems; i++) {
		live += b->live[i];
		b->live[i] = live + b->inner[i] - bytes_reused(b, i);
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
		for (int k = 0; k < b->item[i].n; k++) {
			const Node *n = b->item[i].node[k];
			for (int v = 0; v < n->nin; v++)
				need(b, n->in[v], i);
			compute(b, n, i);
		}
	for (int i = 0; i < b->graph->noutputs; i++) {
		int r = b->root[b->graph->output[i].value->id];
		if (r >= 0)
			b->last[r] = b->nitems - 1;
	}
	for (int v = 0; v < b->nvalues; v++)
		if (b->root[v] == v)
			end_life(b, v);
	sum_up(b);
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
	scan_follow(g, b->options->parts, e.item);
	return g;
}

#include "passes/scan_update.h"

#include "ir/op.h"

/* ---- the parameter as the sum ---- */

enum { W, G };   /* inputs of SGDUpdate */

static bool may_add(const Node *n)
{
	return n->op == &op_SGDUpdate && n->in[W]->kind == V_VARIABLE &&
	       n->out[0]->var == n->in[W]->var && n->in[G]->nuses == 1 &&
	       n->in[G]->def && !n->out[0]->nuses;
}

Node **sgd_readers(Arena *a, const Graph *g)
{
	Node **reader = arena_array(a, Node *, g->nvalues);
	for (Node *n = g->first; n; n = n->next)
		if (may_add(n))
			reader[n->in[G]->id] = n;
	return reader;
}

Value *sgd_gradient(const Node *update)
{
	return update->in[G];
}

int64_t bytes_of_updates(const Graph *g)
{
	int64_t bytes = 0;
	for (const Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var &&
			    n->out[o]->var->role == VAR_PARAMETER)
				bytes += value_bytes(n->out[o]);
	return bytes;
}

bool sums_are_much(const Options *options, int64_t bytes, int64_t arena_bytes)
{
	enum { MUCH = 8 };
	const OptimizerOptions *o = &options->optimizer;
	return bytes > arena_bytes / MUCH &&
	       (o->kind != OPT_MOMENTUM || o->clip_norm > 0 ||
	        options->micro_batch);
}

Value *sgd_kept(const Graph *g, const Node *n, const bool rows[])
{
	Value *last = NULL;
	for (const Node *p = g->first; p != n; p = p->next)
		for (int o = 0; o < p->nout; o++)
			for (int i = 0; i < n->nin; i++)
				if (n->in[i] == p->out[o] &&
				    rows[p->out[o]->id])
					last = p->out[o];
	return last;
}

/* Not for a small part of all gradients: it takes a loop. Where both are as
 * large, what is whole may take the place of something that it was computed
 * from. */
bool sgd_pays(const Graph *g, const Value *grad, const bool rows[])
{
	enum { SMALL = 64, AS_LARGE = 2 };
	const Value *last = sgd_kept(g, grad->def, rows);
	int64_t bytes = value_bytes(grad);
	return last && bytes * SMALL > bytes_of_updates(g) &&
	       value_bytes(last) < bytes * AS_LARGE;
}

/* ---- early updates ---- */

/* It replaces variables, and nobody reads by what. */
static bool is_update(const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (!n->out[o]->var || n->out[o]->nuses)
			return false;
	return n->nout > 0;
}

static bool replaces(const Node *n, const Variable *var)
{
	for (int o = 0; o < n->nout; o++)
		if (n->out[o]->var == var)
			return true;
	return false;
}

/* Nodes by what they have to come behind: the number of a node in the graph. */
typedef struct Queue {
	int *first, *next;    /* by number; -1: none */
	int *reader;          /* by variable id: the last that reads it */
	int *def;             /* by value id */
} Queue;

static void note_reads(Queue *q, const Node *n, int i)
{
	for (int k = 0; k < n->nin; k++) {
		const Value *v = n->in[k] ? value_viewed(n->in[k]) : NULL;
		if (v && v->kind == V_VARIABLE && !replaces(n, v->var))
			q->reader[v->var->id] = i;
	}
	for (int o = 0; o < n->nout; o++)
		q->def[n->out[o]->id] = i;
}

/* The last node that the update has to come behind; -1: none. */
static int place_of(const Queue *q, const Node *n)
{
	int last = -1;
	for (int k = 0; k < n->nin; k++)
		if (n->in[k] && n->in[k]->def && q->def[n->in[k]->id] > last)
			last = q->def[n->in[k]->id];
	for (int o = 0; o < n->nout; o++)
		if (q->reader[n->out[o]->var->id] > last)
			last = q->reader[n->out[o]->var->id];
	return last;
}

static Queue make_queue(Arena *a, const Graph *g, int n, Node *const node[])
{
	Queue q = {
		arena_array(a, int, n + 1), arena_array(a, int, n + 1),
		arena_array(a, int, g->model->nvars + 1),
		arena_array(a, int, g->nvalues + 1),
	};
	for (int v = 0; v < g->model->nvars; v++)
		q.reader[v] = -1;
	for (int i = 0; i < n; i++) {
		q.first[i] = q.next[i] = -1;
		note_reads(&q, node[i], i);
	}
	q.first[n] = -1;
	for (int i = n - 1; i >= 0; i--) {
		int at = is_update(node[i]) ? place_of(&q, node[i]) : -1;
		if (!is_update(node[i]))
			continue;
		at = at < 0 ? n : at;   /* behind nothing: at the end */
		q.next[i] = q.first[at];
		q.first[at] = i;
	}
	return q;
}

static int put_updates(const Queue *q, Node *const from[], int at, Node *to[],
                       int n)
{
	for (int i = q->first[at]; i >= 0; i = q->next[i])
		to[n++] = from[i];
	return n;
}

void order_updates(Arena *a, const Graph *g, Node *node[])
{
	int n = graph_count(g, NULL), count = 0;
	Node **from = arena_array(a, Node *, n + 1);
	for (Node *p = g->first; p; p = p->next)
		from[count++] = p;
	Queue q = make_queue(a, g, n, from);
	count = 0;
	for (int i = 0; i < n; i++) {
		if (!is_update(from[i]))
			node[count++] = from[i];
		count = put_updates(&q, from, i, node, count);
	}
	put_updates(&q, from, n, node, count);
}

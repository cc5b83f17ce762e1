#include "passes/share.h"

typedef struct Sharer {
	Share *s;
	const Problem *p;
	const bool *loaded, *copies;
	int *last_read;       /* by value id: the last task, views followed */
	bool *output;         /* by value id */
	bool *outer;          /* by value id: output of a Scan's graph */
} Sharer;

/* ---- regions ---- */

static Region region_of_input(const Value *v)
{
	if (v->fed)
		return REGION_CALLER;
	switch (v->role) {
	case IN_DATA: case IN_TARGET:
		return REGION_ARENA;
	case IN_PART: case IN_WHOLE: case IN_INDEX: case IN_SUM:
		return REGION_OUTER;
	case IN_HYPER: case IN_STEP: case IN_SEED:
		break;
	}
	return REGION_CONTEXT;
}

static Region region_of(const Sharer *h, const Value *v)
{
	switch (v->kind) {
	case V_CONST:
		return h->loaded[v->id] || numel(v->shape) != 1 ? REGION_CONST
		                                                : REGION_NONE;
	case V_VARIABLE:
		return v->var->mutable ? REGION_STATE : REGION_CONST;
	case V_INPUT:
		return region_of_input(v);
	case V_RESULT:
		break;
	}
	if (v->var)
		return REGION_STATE;
	if (v->fed)
		return REGION_CALLER;
	return h->outer[v->id] ? REGION_OUTER : REGION_ARENA;
}

/* ---- bodies ---- */

static void meet(Sharer *h, const Value *v)
{
	Share *s = h->s;
	if (!v || s->of[v->id] >= 0)
		return;
	s->of[v->id] = v->id;
	s->body[v->id] = (Body){region_of(h, v), 0, value_bytes(v), v->id,
	                        v->id};
	s->by_id[v->id] = v;
	s->value[s->nvalues++] = v;
}

/* Body `from` becomes part of `to`, moved by so much. */
static void join(Share *s, int from, int to, int64_t by)
{
	Body *a = &s->body[from], *b = &s->body[to];
	for (int v = a->first; v >= 0; v = s->next[v]) {
		s->of[v] = to;
		s->at[v] += by;
	}
	s->next[b->last] = a->first;
	b->last = a->last;
	b->low = a->low + by < b->low ? a->low + by : b->low;
	b->high = a->high + by > b->high ? a->high + by : b->high;
}

/* ---- may they be joined? ---- */

int64_t piece_bytes(const Node *n, const Piece *p)
{
	const Value *y = n->out[p->out];
	return p->count == numel(y->shape)
	       ? value_bytes(y) : p->count * dtype_size(y->dtype);
}

int64_t piece_start(const Node *n, const Piece *p)
{
	return p->to * dtype_size(n->out[p->out]->dtype);
}

/* How far the input's body must move for the piece to be in its place. */
static int64_t distance(const Share *s, const Node *n, const Piece *p)
{
	int64_t from = p->from * dtype_size(n->in[p->in]->dtype);
	return s->at[n->out[p->out]->id] + piece_start(n, p) -
	       s->at[n->in[p->in]->id] - from;
}

/* Whatever the two would have in common must be what the node hands on. */
static bool overlap_is_handed_on(const Share *s, const Node *n,
                                 const Handed *handed, int from, int to,
                                 int64_t by)
{
	const Body *a = &s->body[from], *b = &s->body[to];
	int64_t low = a->low + by > b->low ? a->low + by : b->low;
	int64_t high = a->high + by < b->high ? a->high + by : b->high;
	for (int i = 0; i < handed->n; i++) {
		const Piece *p = &handed->piece[i];
		if (s->of[n->in[p->in]->id] == from &&
		    s->of[n->out[p->out]->id] == to && distance(s, n, p) == by)
			low += piece_bytes(n, p);
	}
	return low >= high;
}

/* Memory that is not the arena's can be pointed into as long as it stays what it
 * is, by those who do not look for the value in the arena. */
static bool may_point_into(const Sharer *h, int body, const Node *n,
                           const Piece *p)
{
	const Share *s = h->s;
	const Value *y = n->out[p->out], *root = s->by_id[body];
	const Body *own = &s->body[s->of[y->id]];
	if (own->first != own->last || p->count != numel(y->shape) ||
	    (h->output[y->id] && !(root->fed && root->kind == V_RESULT)))
		return false;
	if (root->kind == V_INPUT && root->role == IN_SUM)
		return n->op->view;
	return root->kind != V_VARIABLE || !root->var->mutable ||
	       h->last_read[y->id] < s->replaced[root->var->id];
}

static bool may_join(const Sharer *h, const Node *n, const Handed *handed,
                     const Piece *p)
{
	const Share *s = h->s;
	int from = s->of[n->in[p->in]->id], to = s->of[n->out[p->out]->id];
	if (s->body[to].region != REGION_ARENA)
		return false;
	switch (s->body[from].region) {
	case REGION_NONE: case REGION_CONTEXT:
		return false;
	case REGION_STATE: case REGION_CONST: case REGION_OUTER:
	case REGION_CALLER:
		return may_point_into(h, from, n, p);
	case REGION_ARENA:
		break;
	}
	return overlap_is_handed_on(s, n, handed, from, to, distance(s, n, p));
}

static bool put_piece(Sharer *h, const Node *n, const Handed *handed,
                      const Piece *p)
{
	Share *s = h->s;
	int from = s->of[n->in[p->in]->id], to = s->of[n->out[p->out]->id];
	int64_t by = distance(s, n, p);
	if (from == to)
		return by == 0;
	if (!may_join(h, n, handed, p))
		return false;
	join(s, to, from, -by);
	return true;
}

static bool hands_on(const Sharer *h, const Node *n)
{
	return n->op->view ||
	       (n->op->pieces && h->copies && !h->copies[n->id]);
}

static void put_task(Sharer *h, int t)
{
	const Node *n = h->p->task[t].node;
	Handed *handed = &h->s->handed[t];
	Arena *a = h->p->arena;
	for (int i = 0; i < n->nin; i++)
		meet(h, n->in[i]);
	for (int o = 0; o < n->nout; o++) {
		meet(h, n->out[o]);
		h->s->writer[n->out[o]->id] = t;
	}
	if (!hands_on(h, n))
		return;
	handed->piece = arena_array(a, Piece, n->nin + n->nout);
	handed->n = node_pieces(n, handed->piece);
	handed->placed = arena_array(a, bool, handed->n);
	for (int i = 0; i < handed->n; i++) {
		const Piece *p = &handed->piece[i];
		handed->placed[i] = put_piece(h, n, handed, p);
		h->s->nplaced += handed->placed[i] && !n->op->view;
	}
}

/* ---- what is known of the graph ---- */

/* From the end, so that a view's readers are known before the view. */
static void find_last_reads(Sharer *h)
{
	for (int t = h->p->ntasks - 1; t >= 0; t--) {
		const Node *n = h->p->task[t].node;
		int last = t;
		for (int o = 0; o < n->nout; o++)
			if (hands_on(h, n) &&
			    h->last_read[n->out[o]->id] > last)
				last = h->last_read[n->out[o]->id];
		for (int i = 0; i < n->nin; i++)
			if (n->in[i] && h->last_read[n->in[i]->id] < last)
				h->last_read[n->in[i]->id] = last;
	}
}

static void find_replaced(Sharer *h)
{
	const Problem *p = h->p;
	for (int i = 0; i < p->graph->model->nvars; i++)
		h->s->replaced[i] = p->ntasks;
	for (int t = 0; t < p->ntasks; t++) {
		const Node *n = p->task[t].node;
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				h->s->replaced[n->out[o]->var->id] = t;
	}
}

static void find_outputs(Sharer *h)
{
	const Graph *g = h->p->graph;
	for (int i = 0; i < g->noutputs; i++) {
		const Output *o = &g->output[i];
		h->output[o->value->id] = true;
		h->outer[o->value->id] = o->role == OUT_ROWS ||
		                         o->role == OUT_SUM;
	}
}

static Sharer sharer(const Problem *p, const bool *loaded, const bool *copies)
{
	Arena *a = p->arena;
	int n = p->graph->nvalues;
	Share *s = arena_new(a, Share);
	*s = (Share){
		.body = arena_array(a, Body, n), .of = arena_array(a, int, n),
		.at = arena_array(a, int64_t, n),
		.next = arena_array(a, int, n),
		.value = arena_array(a, const Value *, n),
		.by_id = arena_array(a, const Value *, n),
		.writer = arena_array(a, int, n),
		.handed = arena_array(a, Handed, p->ntasks),
		.replaced = arena_array(a, int, p->graph->model->nvars),
	};
	Sharer h = {
		s, p, loaded, copies, arena_array(a, int, n),
		arena_array(a, bool, n), arena_array(a, bool, n),
	};
	for (int v = 0; v < n; v++)
		s->of[v] = s->next[v] = s->writer[v] = h.last_read[v] = -1;
	return h;
}

Share *share_create(const Problem *p, const bool *loaded, const bool *copies)
{
	Sharer h = sharer(p, loaded, copies);
	find_last_reads(&h);
	find_replaced(&h);
	find_outputs(&h);
	for (int i = 0; i < p->graph->ninputs; i++)
		meet(&h, p->graph->input[i]);
	for (int t = 0; t < p->ntasks; t++)
		put_task(&h, t);
	for (int i = 0; i < p->graph->noutputs; i++)
		meet(&h, p->graph->output[i].value);
	return h.s;
}

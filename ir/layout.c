/* Where variables live between two runs, and questions about plans. */
#include "ir/op.h"
#include "ir/plan.h"
#include "ir/scan.h"

#include <stdlib.h>
#include <string.h>

bool plan_has_gradient(const Plan *plan, const char *of, int64_t elements)
{
	for (int s = 0; s < plan->nsteps; s++) {
		const Node *n = plan->step[s];
		if (n->scan && plan_has_gradient(n->scan->plan, of, elements))
			return true;
		for (int o = 0; o < n->nout; o++) {
			const Value *v = n->out[o];
			if (v->gradient_of && !strcmp(v->gradient_of, of) &&
			    numel(v->shape) >= elements &&
			    plan->place[v->id].region == REGION_ARENA)
				return true;
		}
	}
	return false;
}

bool plan_has_placed(const Plan *plan, const Node *n, const Piece *p)
{
	const Value *x = n->in[p->in], *y = n->out[p->out];
	const Place *in = &plan->place[x->id], *out = &plan->place[y->id];
	return out->region == in->region && out->base == in->base &&
	       out->offset + p->to * dtype_size(y->dtype) ==
	       in->offset + p->from * dtype_size(x->dtype);
}

/* The pieces that are not in place, and how many elements are. */
static int pieces_to_move(const Plan *plan, const Node *n, Piece piece[],
                          int64_t *placed)
{
	int all = node_pieces(n, piece), left = 0;
	*placed = 0;
	for (int i = 0; i < all; i++)
		if (plan_has_placed(plan, n, &piece[i]))
			*placed += piece[i].count;
		else
			piece[left++] = piece[i];
	return left;
}

bool plan_skips(const Plan *plan, const Node *n)
{
	if (!n->op->view && !n->op->pieces)
		return false;
	Arena *scratch = arena_create();
	Piece *piece = arena_array(scratch, Piece, n->nin + n->nout);
	int64_t placed, elements = 0;
	int all = node_pieces(n, piece);
	int left = pieces_to_move(plan, n, piece, &placed);
	for (int o = 0; o < n->nout; o++)
		elements += numel(n->out[o]->shape);
	arena_destroy(scratch);
	return all && !left && placed == elements;
}

/* ---- what is copied onto itself ---- */

static bool same_place(const Plan *plan, const Value *x, const Value *y)
{
	const Place *a = &plan->place[x->id], *b = &plan->place[y->id];
	bool base = a->region == REGION_STATE ? a->base->var == b->base->var
	                                      : a->base == b->base;
	return x->dtype == y->dtype && a->region == b->region && base &&
	       a->offset == b->offset;
}

static bool same_index(const Index *a, const Index *b)
{
	bool same = a->add == b->add && a->nterms == b->nterms;
	for (int i = 0; same && i < a->nterms; i++)
		same = a->term[i].scalar == b->term[i].scalar &&
		       a->term[i].var == b->term[i].var &&
		       a->term[i].mul == b->term[i].mul;
	return same;
}

static bool copies_itself(const Plan *plan, const Stmt *s)
{
	const Access *to = &s->u.store.to;
	const Expr *x = s->u.store.x;
	return !s->u.store.add && !to->nguards && x->kind == E_LOAD &&
	       !x->u.load.nguards && x->u.load.byte == to->byte &&
	       same_index(&x->u.load.at, &to->at) &&
	       same_place(plan, x->u.load.v, to->v);
}

/* A result that is most of its input as it was is copied first, for those that
 * get it elsewhere: written in place, that is nothing. */
static void drop_self_copies(const Plan *plan, Stmt **at)
{
	for (Stmt *s; (s = *at);) {
		if (s->kind == ST_FOR)
			drop_self_copies(plan, &s->u.loop.body);
		bool none = s->kind == ST_FOR ? !s->u.loop.body
		          : s->kind == ST_STORE && copies_itself(plan, s);
		if (none)
			*at = s->next;
		else
			at = &s->next;
	}
}

Kernel *plan_kernel(Arena *a, const Plan *plan, const Node *n)
{
	Piece *piece = arena_array(a, Piece, n->nin + n->nout);
	int64_t placed = 0;
	int left = n->op->pieces ? pieces_to_move(plan, n, piece, &placed) : 0;
	if (placed)
		return piece_kernel(a, n, left, piece);
	Kernel *k = kernel_of(a, n);
	drop_self_copies(plan, &k->body);
	return k;
}

int buffer_windows(const Buffer *b)
{
	return b->nwindows ? b->nwindows : 1;
}

BufferWindow buffer_window(const Buffer *b, int i)
{
	return b->nwindows ? b->window[i]
	                   : (BufferWindow){b->first, b->last, 0, b->bytes};
}

/* The arrays of constants in the functions, each once: clones share them. */
typedef struct Arrays {
	int n, max;
	const void **data;
	int64_t bytes;
} Arrays;

static int by_address(const void *a, const void *b)
{
	uintptr_t p = (uintptr_t)*(void *const *)a;
	uintptr_t q = (uintptr_t)*(void *const *)b;
	return p < q ? -1 : p > q;
}

static const Plan *function(const Program *p, int i)
{
	return i == 0 ? p->train : i == 1 ? p->infer : p->evaluate;
}

static int64_t round_up(int64_t x, int64_t align)
{
	return (x + align - 1) / align * align;
}

/* Calls `visit` for each value that a step of a function reads. */
static void each_read(const Program *p, void *to,
                      void (*visit)(void *to, const Plan *, const Value *))
{
	for (int f = 0; f < 3; f++) {
		const Plan *plan = function(p, f);
		for (int s = 0; plan && s < plan->nsteps; s++) {
			const Node *n = plan->step[s];
			for (int i = 0; i < n->nin; i++)
				if (n->in[i])
					visit(to, plan, n->in[i]);
		}
	}
}

static bool is_array(const Plan *plan, const Value *v)
{
	return v->kind == V_CONST && plan->place[v->id].region == REGION_CONST;
}

static void count_array(void *to, const Plan *plan, const Value *v)
{
	((Arrays *)to)->max += is_array(plan, v);
}

static void add_array(void *to, const Plan *plan, const Value *v)
{
	Arrays *a = to;
	if (is_array(plan, v))
		a->data[a->n++] = v->data;
}

static void sum_array(void *to, const Plan *plan, const Value *v)
{
	Arrays *a = to;
	if (!is_array(plan, v))
		return;
	const void **found = bsearch(&v->data, a->data, (size_t)a->n,
	                             sizeof *a->data, by_address);
	if (!found)
		return;
	a->bytes += value_bytes(v);
	/* Counted: leaves the list, which stays sorted. */
	int i = (int)(found - a->data);
	for (a->n--; i < a->n; i++)
		a->data[i] = a->data[i + 1];
}

static void drop_repeats(Arrays *a)
{
	int n = 0;
	qsort(a->data, (size_t)a->n, sizeof *a->data, by_address);
	for (int i = 0; i < a->n; i++)
		if (n == 0 || a->data[n - 1] != a->data[i])
			a->data[n++] = a->data[i];
	a->n = n;
}

static int64_t bytes_of_arrays(const Program *p)
{
	Arrays a = {0};
	each_read(p, &a, count_array);
	a.data = arena_array(p->model->unit->arena, const void *, a.max + 1);
	each_read(p, &a, add_array);
	drop_repeats(&a);
	each_read(p, &a, sum_array);
	return a.bytes;
}

static void mark_variable(void *to, const Plan *plan, const Value *v)
{
	if (v->kind == V_VARIABLE)
		((bool *)to)[v->var->id] = true;
}

static void place_variables(Program *p)
{
	Model *m = p->model;
	bool *read = arena_array(m->unit->arena, bool, m->nvars);
	each_read(p, read, mark_variable);
	p->offset = arena_array(m->unit->arena, int64_t, m->nvars);
	p->state_bytes = p->const_bytes = 0;
	for (int i = 0; i < m->nvars; i++) {
		const Variable *v = m->var[i];
		int64_t *end = v->mutable ? &p->state_bytes : &p->const_bytes;
		if (!v->mutable && !read[i]) {
			p->offset[i] = -1;
			continue;
		}
		p->offset[i] = round_up(*end, p->align);
		*end = p->offset[i] + shape_bytes(v->shape, v->dtype);
	}
}

void program_layout(Program *p)
{
	if (p->align <= 0)
		BUG("a program of alignment %lld", (long long)p->align);
	place_variables(p);
	p->const_bytes += bytes_of_arrays(p);
	p->arena_bytes = 0;
	for (int f = 0; f < 3; f++)
		if (function(p, f) &&
		    function(p, f)->arena_bytes > p->arena_bytes)
			p->arena_bytes = function(p, f)->arena_bytes;
}

void plan_live(const Plan *plan, int64_t live[])
{
	for (int i = 0; i < plan->nsteps; i++)
		live[i] = 0;
	for (int i = 0; i < plan->nbuffers; i++)
		for (int k = 0; k < buffer_windows(&plan->buffer[i]); k++) {
			BufferWindow w = buffer_window(&plan->buffer[i], k);
			if (w.first < plan->nsteps)
				live[w.first] += w.high - w.low;
			if (w.last + 1 < plan->nsteps)
				live[w.last + 1] -= w.high - w.low;
		}
	for (int i = 1; i < plan->nsteps; i++)
		live[i] += live[i - 1];
}

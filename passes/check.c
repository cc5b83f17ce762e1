/*
 * The independent checker of plans. It executes the plan on names instead of
 * numbers: every byte of the arena, and every variable, knows whose contents it
 * holds; a step must find the contents it reads, and its writes take bytes away
 * from others. Nothing of the planner's reasoning is used or needed.
 */
#include "ir/op.h"
#include "ir/scan.h"
#include "passes/check_overlap.h"
#include "passes/pass.h"

#include <string.h>

/* Bytes [lo, hi) of the arena hold the contents called `what`: the id of the
 * value they were written for. */
typedef struct Span {
	int64_t lo, hi;
	int what;
} Span;

typedef struct Checker {
	const Plan *plan;
	const Graph *g;
	Arena *arena;
	const char *wrong;     /* the first complaint */
	int nspans, maxspans;
	Span *span;            /* disjoint, by address */
	int *contents;         /* by value id: what it should find; -1: nothing */
	int *state;            /* by variable id: what it holds */
	int *outer;            /* by value id of a base in REGION_OUTER: the same */
	int step;
} Checker;

#define FAIL(c, ...) \
	((c)->wrong = (c)->wrong ? (c)->wrong \
	                         : arena_printf((c)->arena, __VA_ARGS__))

static const Place *place(const Checker *c, const Value *v)
{
	return &c->plan->place[v->id];
}

/* ---- who owns the arena ---- */

/* The first span that ends after `at`. */
static int find_span(const Checker *c, int64_t at)
{
	int lo = 0, hi = c->nspans;
	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;
		if (c->span[mid].hi <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool overlaps_any(const Checker *c, int64_t lo, int64_t hi)
{
	int i = find_span(c, lo);
	return lo < hi && i < c->nspans && c->span[i].lo < hi;
}

static void open_gap(Checker *c, int at, int by)
{
	if (c->nspans + by > c->maxspans) {
		int max = 2 * (c->nspans + by);
		Span *more = arena_array(c->arena, Span, max);
		if (c->nspans)
			memcpy(more, c->span,
			       sizeof *more * (size_t)c->nspans);
		c->span = more;
		c->maxspans = max;
	}
	if (c->nspans > at)
		memmove(&c->span[at + by], &c->span[at],
		        sizeof *c->span * (size_t)(c->nspans - at));
	c->nspans += by;
}

/* Nobody owns [lo, hi) any more. Returns where a span for it belongs. */
static int cut(Checker *c, int64_t lo, int64_t hi)
{
	int i = find_span(c, lo);
	if (i < c->nspans && c->span[i].lo < lo) {
		Span right = c->span[i];
		c->span[i++].hi = lo;
		if (right.hi > hi) {
			open_gap(c, i, 1);
			right.lo = hi;
			c->span[i] = right;
			return i;
		}
	}
	int end = i;
	while (end < c->nspans && c->span[end].hi <= hi)
		end++;
	if (end < c->nspans && c->span[end].lo < hi)
		c->span[end].lo = hi;
	if (end > i) {
		memmove(&c->span[i], &c->span[end],
		        sizeof *c->span * (size_t)(c->nspans - end));
		c->nspans -= end - i;
	}
	return i;
}

static void own(Checker *c, int64_t lo, int64_t hi, int what)
{
	if (lo >= hi)
		return;
	int i = cut(c, lo, hi);
	open_gap(c, i, 1);
	c->span[i] = (Span){lo, hi, what};
}

static bool owned(const Checker *c, int64_t lo, int64_t hi, int what)
{
	for (int i = find_span(c, lo); lo < hi; i++) {
		if (i == c->nspans || c->span[i].lo > lo ||
		    c->span[i].what != what)
			return false;
		lo = c->span[i].hi;
	}
	return true;
}

/* ---- where a value may be ---- */

static void check_arena_place(Checker *c, const Value *v)
{
	const Place *p = place(c, v);
	if (p->buffer < 0 || p->buffer >= c->plan->nbuffers) {
		FAIL(c, "%%%s is in buffer %d of %d", v->name, p->buffer,
		     c->plan->nbuffers);
		return;
	}
	const Buffer *b = &c->plan->buffer[p->buffer];
	if (p->offset < b->offset ||
	    p->offset + value_bytes(v) > b->offset + b->bytes)
		FAIL(c, "%%%s is not inside its buffer", v->name);
	if (p->offset % dtype_size(v->dtype))
		FAIL(c, "%%%s is not aligned", v->name);
}

static bool is_outer_result(const Graph *g, const Value *v)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == v && (g->output[i].role == OUT_ROWS ||
		                                g->output[i].role == OUT_SUM))
			return true;
	return false;
}

/* Where v may be if it is its own memory, not a view's. */
static bool region_fits(const Checker *c, const Value *v, Region r)
{
	switch (v->kind) {
	case V_CONST:
		return r == REGION_CONST ||
		       (r == REGION_NONE && numel(v->shape) == 1);
	case V_VARIABLE:
		return r == (v->var->mutable ? REGION_STATE : REGION_CONST);
	case V_INPUT:
		return r == (v->role == IN_DATA || v->role == IN_TARGET
		             ? REGION_ARENA : v->role >= IN_PART
		             ? REGION_OUTER : REGION_CONTEXT);
	case V_RESULT:
		break;
	}
	return r == (v->var ? REGION_STATE : is_outer_result(c->g, v)
	             ? REGION_OUTER : REGION_ARENA);
}

static void check_own_place(Checker *c, const Value *v)
{
	const Place *p = place(c, v);
	if (!region_fits(c, v, p->region))
		FAIL(c, "%%%s is in region %d", v->name, p->region);
	else if (p->region == REGION_ARENA)
		check_arena_place(c, v);
	else if (!p->base || p->base->var != v->var)
		FAIL(c, "%%%s is not where its variable is", v->name);
	else if (p->region == REGION_OUTER &&
	         p->base != (v->total ? v->total : v))
		FAIL(c, "%%%s is not where the Scan has it", v->name);
}

/* Is the value in what its buffer has at that step? */
static bool in_window(const Buffer *b, int64_t at, int64_t bytes, int step)
{
	for (int i = 0; i < b->nwindows; i++) {
		const BufferWindow *w = &b->window[i];
		if (w->first <= step && step <= w->last)
			return at >= b->offset + w->low &&
			       at + bytes <= b->offset + w->high;
	}
	return !b->nwindows;
}

/* A buffer must live whenever the plan says that it is used. */
static void check_alive(Checker *c, const Value *v, int step)
{
	const Place *p = place(c, v);
	if (p->region != REGION_ARENA)
		return;
	const Buffer *b = &c->plan->buffer[p->buffer];
	if (step < b->first || step > b->last)
		FAIL(c, "%%%s is used at step %d, its buffer lives from %d to "
		     "%d", v->name, step, b->first, b->last);
	if (!in_window(b, p->offset, value_bytes(v), step))
		FAIL(c, "%%%s is used at step %d, but not inside of what its "
		     "buffer takes then", v->name, step);
}

/* ---- reading and writing ---- */

static void check_found(Checker *c, const Value *v, const char *reader)
{
	const Place *p = place(c, v);
	int want = c->contents[v->id];
	if (want < 0)
		FAIL(c, "'%s' reads %%%s before it is written", reader,
		     v->name);
	else if (p->region == REGION_ARENA &&
	         !owned(c, p->offset, p->offset + value_bytes(v), want))
		FAIL(c, "'%s' reads %%%s, which was overwritten", reader,
		     v->name);
	else if (p->region == REGION_STATE &&
	         c->state[p->base->var->id] != want)
		FAIL(c, "'%s' reads %%%s, but variable '%s' has been replaced",
		     reader, v->name, p->base->var->name);
	else if (p->region == REGION_OUTER && c->outer[p->base->id] != want)
		FAIL(c, "'%s' reads %%%s, which has been written over", reader,
		     v->name);
}

/* What has no writer is there from the start. */
static void meet(Checker *c, const Value *v)
{
	if (v->kind == V_RESULT || c->contents[v->id] >= 0)
		return;
	if (v->kind != V_INPUT)
		check_own_place(c, v);
	c->contents[v->id] = v->id;
	if (v->kind == V_VARIABLE && c->state[v->var->id] < 0)
		c->state[v->var->id] = v->id;
	if (place(c, v)->region == REGION_OUTER)
		c->outer[place(c, v)->base->id] = v->id;
}

static void check_read(Checker *c, const Node *n, const Value *v)
{
	meet(c, v);
	if (c->wrong)
		return;
	check_found(c, v, n->loc.node);
	if (!c->wrong)
		check_alive(c, v, c->step);
}

static void write_value(Checker *c, const Value *v)
{
	const Place *p = place(c, v);
	check_own_place(c, v);
	if (c->wrong)
		return;
	check_alive(c, v, c->step);
	c->contents[v->id] = v->id;
	if (p->region == REGION_ARENA)
		own(c, p->offset, p->offset + value_bytes(v), v->id);
	else if (p->region == REGION_OUTER)
		c->outer[p->base->id] = v->id;
	else
		c->state[p->base->var->id] = v->id;
}

static bool share_bytes(const Checker *c, const Value *a, const Value *b)
{
	const Place *p = place(c, a), *q = place(c, b);
	if (p->region != q->region || !value_bytes(a) || !value_bytes(b))
		return false;
	if (p->region == REGION_STATE)
		return p->base->var == q->base->var;
	if (p->region == REGION_OUTER)
		return p->base == q->base;
	return p->region == REGION_ARENA &&
	       p->offset < q->offset + value_bytes(b) &&
	       q->offset < p->offset + value_bytes(a);
}

/* Have the loops done with the bytes of the input when they store there? */
static bool may_share(Checker *c, const Kernel *k, const Value *in,
                      const Value *out)
{
	int64_t ahead = place(c, in)->offset - place(c, out)->offset;
	if (place(c, in)->region != REGION_ARENA)
		ahead = 0;
	return (ahead == 0 && kernel_in_place(k, in, out)) ||
	       (place(c, in)->region == REGION_ARENA &&
	        overlap_is_safe(c->arena, k, in, out, ahead));
}

/* While a node runs, an output may only share bytes with an input that its
 * loops prove they have done with. */
static void check_aliases(Checker *c, const Node *n)
{
	Kernel *k = NULL;
	for (int o = 0; o < n->nout; o++) {
		for (int i = 0; i < n->nin; i++) {
			const Value *in = n->in[i], *out = n->out[o];
			if (!in || !share_bytes(c, in, out))
				continue;
			if (!n->scan)
				k = k ? k : kernel_of(c->arena, n);
			if (!(k ? may_share(c, k, in, out)
			        : place(c, in)->offset ==
			          place(c, out)->offset &&
			          scan_in_place(n, i, o)))
				FAIL(c, "%s '%s' overwrites %%%s while it reads "
				     "it", n->op->name, n->loc.node, in->name);
		}
		for (int i = 0; i < o; i++)
			if (share_bytes(c, n->out[i], n->out[o]))
				FAIL(c, "%s '%s' has two outputs in one place",
				     n->op->name, n->loc.node);
	}
}

static bool is_view(const Checker *c, const Node *n)
{
	return plan_skips(c->plan, n) &&
	       value_bytes(n->in[0]) == value_bytes(n->out[0]) &&
	       place(c, n->in[0])->offset == place(c, n->out[0])->offset;
}

/* The graph for one part, and room for its arena. */
static void check_scan(Checker *c, const Node *n)
{
	const Plan *plan = n->scan->plan;
	const Value *ws = node_workspace(n);
	const char *wrong = plan ? plan_check(c->arena, plan) : "no plan";
	if (wrong)
		FAIL(c, "in '%s': %s", n->loc.node, wrong);
	else if (plan->arena_bytes > (ws ? value_bytes(ws) : 0))
		FAIL(c, "'%s' has no room for %lld bytes", n->loc.node,
		     (long long)plan->arena_bytes);
}

static void run_step(Checker *c)
{
	const Node *n = c->plan->step[c->step];
	if (n->scan)
		check_scan(c, n);
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			check_read(c, n, n->in[i]);
	if (c->wrong)
		return;
	if (is_view(c, n)) {
		c->contents[n->out[0]->id] = c->contents[n->in[0]->id];
		if (place(c, n->out[0])->region == REGION_ARENA)
			check_arena_place(c, n->out[0]);
		return;
	}
	for (int o = 0; o < n->nout; o++)
		write_value(c, n->out[o]);
	if (!c->wrong)
		check_aliases(c, n);
}

static void start(Checker *c)
{
	for (int i = 0; i < c->g->ninputs && !c->wrong; i++) {
		const Value *v = c->g->input[i];
		const Place *p = place(c, v);
		check_own_place(c, v);
		c->contents[v->id] = v->id;
		if (p->region == REGION_OUTER && p->base)
			c->outer[p->base->id] = v->id;
		if (c->wrong || p->region != REGION_ARENA)
			continue;
		if (overlaps_any(c, p->offset, p->offset + value_bytes(v)))
			FAIL(c, "input %%%s overlaps another", v->name);
		check_alive(c, v, 0);
		own(c, p->offset, p->offset + value_bytes(v), v->id);
	}
}

static void finish(Checker *c)
{
	for (int i = 0; i < c->g->noutputs && !c->wrong; i++) {
		const Value *v = c->g->output[i].value;
		Region r = is_outer_result(c->g, v) ? REGION_OUTER
		                                    : REGION_ARENA;
		if (place(c, v)->region != r)
			FAIL(c, "output %%%s is in region %d", v->name,
			     place(c, v)->region);
		else
			check_found(c, v, "the caller");
		if (!c->wrong)
			check_alive(c, v, c->plan->nsteps ? c->plan->nsteps - 1 : 0);
	}
}

/* ---- the plan as a whole ---- */

static void check_steps(Checker *c)
{
	bool *seen = arena_array(c->arena, bool, c->g->nnodes);
	int n = 0;
	for (int s = 0; s < c->plan->nsteps; s++) {
		int id = c->plan->step[s]->id;
		if (seen[id])
			FAIL(c, "step %d runs a node again", s);
		seen[id] = true;
	}
	for (const Node *node = c->g->first; node; node = node->next, n++)
		if (!seen[node->id])
			FAIL(c, "'%s' is not run", node->loc.node);
	if (n != c->plan->nsteps)
		FAIL(c, "%d steps for %d nodes", c->plan->nsteps, n);
}

/* They follow one another and fill the buffer's life, within its bytes. */
static void check_windows(Checker *c, const Buffer *b)
{
	int next = b->first;
	for (int i = 0; i < b->nwindows; i++) {
		const BufferWindow *w = &b->window[i];
		if (w->first != next || w->last < w->first)
			FAIL(c, "a window of the buffer of %%%s is from step %d "
			     "to %d", b->name, w->first, w->last);
		if (w->low < 0 || w->low >= w->high || w->high > b->bytes)
			FAIL(c, "a window of the buffer of %%%s is not inside "
			     "it", b->name);
		next = w->last + 1;
	}
	if (b->nwindows && next != b->last + 1)
		FAIL(c, "the windows of the buffer of %%%s end at step %d, it "
		     "lives to %d", b->name, next - 1, b->last);
}

static void check_buffer(Checker *c, const Buffer *b)
{
	int last = c->plan->nsteps ? c->plan->nsteps - 1 : 0;
	if (b->offset < 0 || b->bytes < 0 ||
	    b->offset + b->bytes > c->plan->arena_bytes)
		FAIL(c, "the buffer of %%%s is not inside the arena", b->name);
	if (b->align <= 0 || b->offset % b->align)
		FAIL(c, "the buffer of %%%s is not aligned", b->name);
	if (b->first < 0 || b->first > b->last || b->last > last)
		FAIL(c, "the buffer of %%%s lives from %d to %d", b->name,
		     b->first, b->last);
	check_windows(c, b);
}

/* Sums over lifetimes: what the plan claims about its peak. */
static void check_peak(Checker *c)
{
	int64_t *live = arena_array(c->arena, int64_t, c->plan->nsteps + 2);
	int64_t most = 0, sum = 0;
	for (int i = 0; i < c->plan->nbuffers; i++) {
		const Buffer *b = &c->plan->buffer[i];
		for (int k = 0; k < buffer_windows(b); k++) {
			BufferWindow w = buffer_window(b, k);
			live[w.first] += w.high - w.low;
			live[w.last + 1] -= w.high - w.low;
		}
	}
	for (int s = 0; s <= c->plan->nsteps; s++) {
		sum += live[s];
		most = sum > most ? sum : most;
	}
	if (most != c->plan->lower_bound || most > c->plan->arena_bytes)
		FAIL(c, "%lld bytes live at once, the plan says %lld",
		     (long long)most, (long long)c->plan->lower_bound);
}

/* What one buffer takes of the arena, for how long. */
typedef struct Claim {
	const Buffer *b;
	BufferWindow w;
	int enters, leaves;   /* the next that does at the same step, + 1 */
} Claim;

static int list_claims(const Plan *p, Claim *claim)
{
	int n = 0;
	for (int i = 0; i < p->nbuffers; i++)
		for (int k = 0; k < buffer_windows(&p->buffer[i]); k++, n++)
			if (claim)
				claim[n] = (Claim){
					&p->buffer[i],
					buffer_window(&p->buffer[i], k), 0, 0};
	return n;
}

static void enter_claim(Checker *c, Checker *live, const Claim *x)
{
	int64_t lo = x->b->offset + x->w.low, hi = x->b->offset + x->w.high;
	if (overlaps_any(live, lo, hi))
		FAIL(c, "the buffer of %%%s overlaps another at step %d",
		     x->b->name, x->w.first);
	own(live, lo, hi, (int)(x->b - c->plan->buffer));
}

/* Buffers that live at the same time have no byte in common: each window enters
 * at its first step, and none may meet bytes of one that has not left. */
static void check_disjoint(Checker *c)
{
	const Plan *p = c->plan;
	int n = list_claims(p, NULL);
	Claim *claim = arena_array(c->arena, Claim, n);
	int *from = arena_array(c->arena, int, p->nsteps + 1);
	int *to = arena_array(c->arena, int, p->nsteps + 2);
	Checker live = {.plan = p, .arena = c->arena};
	list_claims(p, claim);
	for (int i = n - 1; i >= 0; i--) {
		Claim *x = &claim[i];
		x->enters = from[x->w.first];
		from[x->w.first] = i + 1;
		x->leaves = to[x->w.last + 1];
		to[x->w.last + 1] = i + 1;
	}
	for (int s = 0; s <= p->nsteps; s++) {
		for (int i = to[s]; i; i = claim[i - 1].leaves) {
			const Claim *x = &claim[i - 1];
			if (x->w.low < x->w.high)
				cut(&live, x->b->offset + x->w.low,
				    x->b->offset + x->w.high);
		}
		for (int i = from[s]; i; i = claim[i - 1].enters)
			enter_claim(c, &live, &claim[i - 1]);
	}
}

const char *plan_check(Arena *a, const Plan *plan)
{
	const Graph *g = plan->graph;
	Checker c = {
		.plan = plan, .g = g, .arena = a,
		.contents = arena_array(a, int, g->nvalues),
		.state = arena_array(a, int, g->model->nvars),
		.outer = arena_array(a, int, g->nvalues),
	};
	for (int v = 0; v < g->nvalues; v++)
		c.contents[v] = c.outer[v] = -1;
	for (int v = 0; v < g->model->nvars; v++)
		c.state[v] = -1;
	for (int b = 0; b < plan->nbuffers; b++)
		check_buffer(&c, &plan->buffer[b]);
	check_steps(&c);
	if (c.wrong)
		return c.wrong;
	check_peak(&c);
	check_disjoint(&c);
	start(&c);
	for (; c.step < plan->nsteps && !c.wrong; c.step++)
		run_step(&c);
	finish(&c);
	return c.wrong;
}

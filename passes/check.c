/*
 * The independent checker of plans. It executes the plan on names instead of
 * numbers: every byte of memory knows which byte of which value it holds; a step
 * must find the contents it reads, and its writes take bytes away from others.
 * What a node hands on in place keeps the names it had. Nothing of the planner's
 * reasoning is used or needed.
 */
#include "ir/op.h"
#include "ir/scan.h"
#include "passes/check_memory.h"
#include "passes/check_overlap.h"
#include "passes/check_plan.h"
#include "passes/pass.h"

/* What a value should find in its place, from its first byte on; none: it has
 * not been computed. */
typedef struct Contents {
	int n;
	Span *span;            /* one after the other */
} Contents;

typedef struct Checker {
	const Plan *plan;
	const Graph *g;
	Arena *arena;
	const char *wrong;     /* the first complaint */
	Contents *contents;    /* by value id */
	Memory ram;            /* the arena */
	Memory *state;         /* by variable id */
	Memory *outer;         /* by value id of a base in REGION_OUTER,
	                       * or of an output in REGION_CALLER */
	int step;
} Checker;

#define FAIL(c, ...) \
	((c)->wrong = (c)->wrong ? (c)->wrong \
	                         : arena_printf((c)->arena, __VA_ARGS__))

static const Place *place(const Checker *c, const Value *v)
{
	return &c->plan->place[v->id];
}

/* That can be written; NULL: the value is in none. */
static Memory *memory_of(Checker *c, const Value *v)
{
	const Place *p = place(c, v);
	switch (p->region) {
	case REGION_ARENA:
		return &c->ram;
	case REGION_STATE:
		return &c->state[p->base->var->id];
	case REGION_OUTER:
		return &c->outer[p->base->id];
	case REGION_CALLER:   /* its inputs are not written */
		return p->base && p->base->kind == V_RESULT
		       ? &c->outer[p->base->id] : NULL;
	case REGION_NONE: case REGION_CONST: case REGION_CONTEXT:
		break;
	}
	return NULL;
}

static void complain(Checker *c, const char *wrong)
{
	c->wrong = c->wrong ? c->wrong : wrong;
}

static void check_own_place(Checker *c, const Value *v)
{
	complain(c, check_place(c->arena, c->plan, v));
}

static void check_alive(Checker *c, const Value *v, int step)
{
	complain(c, check_life(c->arena, c->plan, v, step));
}

/* ---- contents ---- */

static void add_contents(Checker *c, const Value *v, Span s)
{
	Contents *to = &c->contents[v->id];
	Span *more = arena_array(c->arena, Span, to->n + 1);
	for (int i = 0; i < to->n; i++)
		more[i] = to->span[i];
	more[to->n++] = s;
	to->span = more;
}

static void name_own(Checker *c, const Value *v)
{
	c->contents[v->id].n = 0;
	add_contents(c, v, (Span){0, value_bytes(v), v->id, 0});
}

/* Does the value find in its place what it should? */
static bool is_found(Checker *c, const Value *v)
{
	const Place *p = place(c, v);
	const Contents *want = &c->contents[v->id];
	const Memory *m = memory_of(c, v);
	for (int i = 0; i < want->n; i++) {
		Span s = want->span[i];
		s.lo += p->offset;
		s.hi += p->offset;
		if (m ? !memory_holds(m, s)
		      : p->base && (s.what != p->base->id || s.from != s.lo))
			return false;
	}
	return true;
}

static void check_found(Checker *c, const Value *v, const char *reader)
{
	if (!c->contents[v->id].n)
		FAIL(c, "'%s' reads %%%s before it is written", reader,
		     v->name);
	else if (!is_found(c, v))
		FAIL(c, "'%s' reads %%%s, which is not in its place, or was "
		     "overwritten", reader, v->name);
}

/* What has no writer is there from the start. */
static void meet(Checker *c, const Value *v)
{
	if (v->kind == V_RESULT || c->contents[v->id].n)
		return;
	if (v->kind != V_INPUT)
		check_own_place(c, v);
	if (c->wrong)
		return;
	name_own(c, v);
	Memory *m = memory_of(c, v);
	if (m && m != &c->ram && !m->nspans)
		memory_write(c->arena, m, c->contents[v->id].span[0]);
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

/* ---- writing ---- */

static void write_bytes(Checker *c, const Value *v, int64_t lo, int64_t hi)
{
	int64_t at = place(c, v)->offset;
	memory_write(c->arena, memory_of(c, v),
	             (Span){at + lo, at + hi, v->id, lo});
}

static void write_value(Checker *c, const Value *v)
{
	check_own_place(c, v);
	if (c->wrong)
		return;
	check_alive(c, v, c->step);
	name_own(c, v);
	write_bytes(c, v, 0, value_bytes(v));
}

/* Where `count` elements of the value are, from that one on. */
static Span range_of(const Checker *c, const Value *v, int64_t from,
                     int64_t count)
{
	int64_t size = dtype_size(v->dtype);
	int64_t lo = place(c, v)->offset + from * size;
	int64_t bytes = count == numel(v->shape) ? value_bytes(v) : count * size;
	return (Span){lo, lo + bytes, v->id, from * size};
}

static bool same_memory(Checker *c, const Value *a, const Value *b)
{
	return memory_of(c, a) && memory_of(c, a) == memory_of(c, b);
}

static bool meet_in(Span a, Span b)
{
	return a.lo < b.hi && b.lo < a.hi;
}

static bool share_bytes(Checker *c, const Value *a, const Value *b)
{
	return value_bytes(a) && value_bytes(b) && same_memory(c, a, b) &&
	       meet_in(range_of(c, a, 0, numel(a->shape)),
	               range_of(c, b, 0, numel(b->shape)));
}

/* Have the loops done with the bytes of the input when they store there? */
static bool may_share(Checker *c, const Kernel *k, const Value *in,
                      const Value *out)
{
	int64_t ahead = place(c, in)->offset - place(c, out)->offset;
	return (ahead == 0 && kernel_in_place(k, in, out)) ||
	       (place(c, in)->region == REGION_ARENA &&
	        overlap_is_safe(c->arena, k, in, out, ahead));
}

static bool scan_may_share(const Checker *c, const Node *n, int i, int o)
{
	const Value *in = n->in[i], *out = n->out[o];
	int64_t ahead = place(c, in)->offset - place(c, out)->offset;
	return (ahead == 0 && scan_in_place(n, i, o)) ||
	       (place(c, in)->region == REGION_ARENA &&
	        scan_overlap_is_safe(n, i, o, ahead));
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
			        : scan_may_share(c, n, i, o)))
				FAIL(c, "%s '%s' overwrites %%%s while it reads "
				     "it", n->op->name, n->loc.node, in->name);
		}
		for (int i = 0; i < o; i++)
			if (share_bytes(c, n->out[i], n->out[o]))
				FAIL(c, "%s '%s' has two outputs in one place",
				     n->op->name, n->loc.node);
	}
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

/* ---- handing on ---- */

/* The names of a piece's elements, where they are in the input, for the
 * output. */
static void hand_on(Checker *c, const Node *n, const Piece *p)
{
	const Value *x = n->in[p->in], *y = n->out[p->out];
	const Contents *have = &c->contents[x->id];
	int64_t size = dtype_size(y->dtype);
	int64_t lo = p->from * size, by = (p->to - p->from) * size;
	int64_t hi = lo + (p->count == numel(y->shape) ? value_bytes(y)
	                                               : p->count * size);
	meet(c, x);
	if (!have->n)
		FAIL(c, "'%s' hands on %%%s before it is written", n->loc.node,
		     x->name);
	for (int i = 0; i < have->n; i++) {
		Span s = have->span[i];
		if (s.lo < lo) {
			s.from += lo - s.lo;
			s.lo = lo;
		}
		s.hi = s.hi < hi ? s.hi : hi;
		s.lo += by;
		s.hi += by;
		if (s.lo < s.hi || !value_bytes(y))
			add_contents(c, y, s);
	}
}

/* Moves must not write what others of the node have still to read. */
static void move_piece(Checker *c, const Node *n, const Piece *p, int nmoved,
                       const Piece moved[])
{
	const Value *y = n->out[p->out];
	Span to = range_of(c, y, p->to, p->count);
	for (int i = 0; i < nmoved; i++) {
		const Value *x = n->in[moved[i].in];
		if (same_memory(c, x, y) &&
		    meet_in(to, range_of(c, x, moved[i].from, moved[i].count)))
			FAIL(c, "%s '%s' overwrites %%%s while it reads it",
			     n->op->name, n->loc.node, x->name);
	}
	int64_t at = place(c, y)->offset;
	add_contents(c, y, (Span){to.lo - at, to.hi - at, y->id, to.from});
	write_bytes(c, y, to.lo - at, to.hi - at);
}

/* Some of what the node gives out is in place, the rest it moves there. */
static void run_pieces(Checker *c, const Node *n, int count, Piece piece[])
{
	int nmoved = 0;
	Piece *moved = arena_array(c->arena, Piece, count);
	for (int o = 0; o < n->nout; o++) {
		const Value *y = n->out[o];
		c->contents[y->id].n = 0;
		if (y->var)
			FAIL(c, "'%s' only hands on what is to replace '%s'",
			     n->loc.node, y->var->name);
		if (place(c, y)->region == REGION_ARENA)
			complain(c, check_arena_place(c->arena, c->plan, y));
	}
	for (int i = 0; i < count; i++)
		if (plan_has_placed(c->plan, n, &piece[i]))
			hand_on(c, n, &piece[i]);
		else
			moved[nmoved++] = piece[i];
	for (int i = 0; i < n->nin && nmoved; i++)
		check_read(c, n, n->in[i]);
	for (int i = 0; i < nmoved; i++)
		check_own_place(c, n->out[moved[i].out]);
	for (int i = 0; i < nmoved && !c->wrong; i++) {
		check_alive(c, n->out[moved[i].out], c->step);
		move_piece(c, n, &moved[i], nmoved, moved);
	}
	for (int o = 0; o < n->nout && !c->wrong; o++)
		if (!value_bytes(n->out[o]) && !c->contents[n->out[o]->id].n)
			name_own(c, n->out[o]);
}

static bool hands_on(Checker *c, const Node *n, int *count, Piece **piece)
{
	if (!n->op->view && !n->op->pieces)
		return false;
	*piece = arena_array(c->arena, Piece, n->nin + n->nout);
	*count = node_pieces(n, *piece);
	for (int i = 0; i < *count; i++)
		if (plan_has_placed(c->plan, n, &(*piece)[i]))
			return true;
	return false;
}

static void run_step(Checker *c)
{
	const Node *n = c->plan->step[c->step];
	Piece *piece;
	int count;
	if (n->scan)
		check_scan(c, n);
	if (hands_on(c, n, &count, &piece)) {
		run_pieces(c, n, count, piece);
		return;
	}
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			check_read(c, n, n->in[i]);
	if (c->wrong)
		return;
	for (int o = 0; o < n->nout && !c->wrong; o++)
		write_value(c, n->out[o]);
	if (!c->wrong)
		check_aliases(c, n);
}

/* ---- from start to end ---- */

static void start(Checker *c)
{
	for (int i = 0; i < c->g->ninputs && !c->wrong; i++) {
		const Value *v = c->g->input[i];
		const Place *p = place(c, v);
		check_own_place(c, v);
		meet(c, v);
		if (c->wrong || p->region != REGION_ARENA)
			continue;
		if (memory_is_taken(&c->ram, p->offset,
		                    p->offset + value_bytes(v)))
			FAIL(c, "input %%%s overlaps another", v->name);
		check_alive(c, v, 0);
		write_bytes(c, v, 0, value_bytes(v));
	}
}

static void finish(Checker *c)
{
	for (int i = 0; i < c->g->noutputs && !c->wrong; i++) {
		const Value *v = c->g->output[i].value;
		Region r = is_scan_result(c->g, v) ? REGION_OUTER
		         : value_is_callers(v) ? REGION_CALLER : REGION_ARENA;
		if (place(c, v)->region != r)
			FAIL(c, "output %%%s is in region %d", v->name,
			     place(c, v)->region);
		else
			check_found(c, v, "the caller");
		if (!c->wrong)
			check_alive(c, v, c->plan->nsteps ? c->plan->nsteps - 1 : 0);
	}
}

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

const char *plan_check(Arena *a, const Plan *plan)
{
	const Graph *g = plan->graph;
	Checker c = {
		.plan = plan, .g = g, .arena = a,
		.contents = arena_array(a, Contents, g->nvalues),
		.state = arena_array(a, Memory, g->model->nvars),
		.outer = arena_array(a, Memory, g->nvalues),
	};
	check_steps(&c);
	const char *wrong = check_buffers(a, plan);
	if (wrong || c.wrong)
		return wrong ? wrong : c.wrong;
	start(&c);
	for (; c.step < plan->nsteps && !c.wrong; c.step++)
		run_step(&c);
	finish(&c);
	return c.wrong;
}

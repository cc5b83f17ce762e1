/*
 * The checker's own look at an output that lies over a part of an input. The
 * loop nest is cut in two, in time, again and again: what the earlier half may
 * store, as far as it reaches, must end before what the later half may load
 * begins. A half is a range of one loop's iterations, or the statements before
 * and behind one, and what it touches comes from intervals.
 *
 * Inside of an iteration only the first and the last one of a loop are looked
 * at. As long as what is compared is linear in the loop's variable, one of these
 * is the worst; so guards, which are not, count only where no variable in them
 * is fixed by this.
 */
#include "passes/check_overlap.h"

typedef struct Range {
	int64_t lo, hi;       /* both included */
	bool fixed;
} Range;

typedef struct Nest {
	const Value *in, *out;
	int64_t ahead;        /* of out before in, in bytes */
	Range *loop;          /* by variable: the iterations in question */
} Nest;

/* Of the bytes that are touched, with the input's first as 0. */
typedef struct Reach {
	int64_t store_end;    /* no store goes so far */
	int64_t load_begin;   /* no load begins before that */
} Reach;

static const Reach nothing = {INT64_MIN, INT64_MAX};

static bool body_is_safe(Nest *n, const Stmt *s);

static Reach join(Reach a, Reach b)
{
	return (Reach){
		a.store_end > b.store_end ? a.store_end : b.store_end,
		a.load_begin < b.load_begin ? a.load_begin : b.load_begin};
}

static bool in_order(Reach earlier, Reach later)
{
	return earlier.store_end <= later.load_begin;
}

/* ---- intervals ---- */

/* False: a scalar variable is in it, so that nothing is known. */
static bool interval(const Nest *n, const Index *at, Range *r)
{
	r->lo = r->hi = at->add;
	for (int i = 0; i < at->nterms; i++) {
		const Term *t = &at->term[i];
		if (!t->mul)
			continue;
		if (t->scalar)
			return false;
		int64_t a = t->mul * n->loop[t->var].lo;
		int64_t b = t->mul * n->loop[t->var].hi;
		r->lo += a < b ? a : b;
		r->hi += a < b ? b : a;
	}
	return true;
}

static bool has_fixed(const Nest *n, const Index *at)
{
	for (int i = 0; i < at->nterms; i++)
		if (!at->term[i].scalar && n->loop[at->term[i].var].fixed)
			return true;
	return false;
}

/* How often the guard's index is in `at`: 0 if that is not clear. */
static int64_t how_often(const Index *at, const Index *guard)
{
	for (int g = 0; g < guard->nterms; g++)
		for (int i = 0; i < at->nterms; i++) {
			const Term *a = &at->term[i], *b = &guard->term[g];
			if (a->var == b->var && a->scalar == b->scalar &&
			    b->mul && a->mul % b->mul == 0 &&
			    a->mul / b->mul > 0)
				return a->mul / b->mul;
		}
	return 0;
}

/* What a guard leaves of its index. */
static bool guarded(const Nest *n, const Guard *g, Range *r)
{
	if (!interval(n, &g->at, r)) {
		*r = (Range){0, g->extent - 1, false};
		return true;
	}
	if (has_fixed(n, &g->at) || (r->lo >= 0 && r->hi < g->extent))
		return false;
	r->lo = r->lo > 0 ? r->lo : 0;
	r->hi = r->hi < g->extent ? r->hi : g->extent - 1;
	return true;
}

/* The elements that the access may touch. Its index is taken apart into those
 * of its guards, so often each, and a rest. */
static Range elements(const Nest *n, const Access *a)
{
	Range sum = {0, 0, false}, rest, whole = {0, numel(a->v->shape) - 1, false};
	Index at = a->at;
	for (int i = 0; i < a->nguards; i++) {
		Range r;
		int64_t times = how_often(&at, &a->guard[i].at);
		if (!times || !guarded(n, &a->guard[i], &r))
			continue;
		at = k_sum(at, k_scaled(a->guard[i].at, -times));
		sum.lo += times * r.lo;
		sum.hi += times * r.hi;
	}
	if (!interval(n, &at, &rest))
		return whole;
	return (Range){sum.lo + rest.lo, sum.hi + rest.hi, false};
}

/* ---- what a statement may touch ---- */

static Reach reach_of_load(const Nest *n, const Access *a)
{
	Reach r = nothing;
	int64_t lo = elements(n, a).lo;
	r.load_begin = a->v->dtype == DT_BIT ? lo / 8
	             : lo * dtype_size(a->v->dtype);
	return r;
}

static Reach reach_of_store(const Nest *n, const Access *a)
{
	Reach r = nothing;
	if (a->v == n->out)
		r.store_end = (elements(n, a).hi + 1) *
		              dtype_size(a->v->dtype) - n->ahead;
	return r;
}

static Reach reach_of_expr(const Nest *n, const Expr *e)
{
	Reach r = nothing;
	if (e->kind == E_LOAD && e->u.load.v == n->in)
		return reach_of_load(n, &e->u.load);
	if (e->kind == E_CAST)
		return reach_of_expr(n, e->u.cast);
	for (int i = 0; e->kind == E_SCALAR &&
	                i < scalar_arity(e->u.scalar.op); i++)
		r = join(r, reach_of_expr(n, e->u.scalar.arg[i]));
	return r;
}

/* Part `part` of `parts` of the argument; all of what it may touch: of 1. */
static Reach reach_of_arg(const Nest *n, const Arg *a, int64_t part,
                          int64_t parts)
{
	Reach r = nothing;
	Range at;
	int64_t begin = 0, end;
	if (a->kind != ARG_VALUE || !a->v)
		return r;
	end = value_bytes(a->v);
	if (parts > 1 && a->parts == parts) {
		end /= parts;
		begin = part * end;
		end += begin;
	} else if (a->count && interval(n, &a->at, &at)) {
		int64_t size = dtype_size(a->v->dtype);
		begin = at.lo * size;
		end = (at.hi + a->count) * size;
	}
	if (a->v == n->out)
		r.store_end = end - n->ahead;
	if (a->v == n->in || a->over == n->in)
		r.load_begin = begin;
	return r;
}

static Reach reach_of_call(const Nest *n, const Stmt *s, int64_t part,
                           int64_t parts)
{
	Reach r = nothing;
	for (int i = 0; i < s->u.call.narg; i++)
		r = join(r, reach_of_arg(n, &s->u.call.arg[i], part, parts));
	return r;
}

static Reach reach_of_body(const Nest *n, const Stmt *s);

static Reach reach_of(const Nest *n, const Stmt *s)
{
	switch (s->kind) {
	case ST_FOR:
		return reach_of_body(n, s->u.loop.body);
	case ST_CALL:
		return join(reach_of_body(n, s->u.call.body),
		            reach_of_call(n, s, 0, 1));
	case ST_SET:
		return reach_of_expr(n, s->u.set.x);
	case ST_STORE:
		return join(reach_of_expr(n, s->u.store.x),
		            reach_of_store(n, &s->u.store.to));
	}
	return nothing;
}

static Reach reach_of_body(const Nest *n, const Stmt *s)
{
	Reach r = nothing;
	for (; s; s = s->next)
		r = join(r, reach_of(n, s));
	return r;
}

/* ---- in which order ---- */

static Reach reach_of_range(Nest *n, const Stmt *loop, int64_t lo, int64_t hi)
{
	Range *r = &n->loop[loop->u.loop.var], old = *r;
	r->lo = lo;
	r->hi = hi;
	Reach reach = reach_of_body(n, loop->u.loop.body);
	*r = old;
	return reach;
}

/* Of any two iterations in [lo, hi], does the earlier store only before what
 * the later one loads? */
static bool iterations_in_order(Nest *n, const Stmt *loop, int64_t lo,
                                int64_t hi)
{
	if (lo >= hi)
		return true;
	int64_t mid = lo + (hi - lo) / 2;
	Reach all = reach_of_range(n, loop, lo, hi);
	if (in_order(all, all))
		return true;
	return in_order(reach_of_range(n, loop, lo, mid),
	                reach_of_range(n, loop, mid + 1, hi)) &&
	       iterations_in_order(n, loop, lo, mid) &&
	       iterations_in_order(n, loop, mid + 1, hi);
}

static bool iteration_is_safe(Nest *n, const Stmt *loop, int64_t i)
{
	Range *r = &n->loop[loop->u.loop.var], old = *r;
	*r = (Range){i, i, true};
	bool safe = body_is_safe(n, loop->u.loop.body);
	*r = old;
	return safe;
}

static bool loop_is_safe(Nest *n, const Stmt *loop)
{
	int64_t last = loop->u.loop.extent - 1;
	return last < 0 ||
	       (iterations_in_order(n, loop, 0, last) &&
	        iteration_is_safe(n, loop, 0) &&
	        iteration_is_safe(n, loop, last));
}

/* What the function says of itself: part by part. */
static bool call_is_safe(const Nest *n, const Stmt *s)
{
	int64_t parts = 1;
	int64_t end = INT64_MIN;
	for (int i = 0; i < s->u.call.narg; i++)
		if (s->u.call.arg[i].kind == ARG_VALUE &&
		    s->u.call.arg[i].v == n->out && s->u.call.arg[i].parts > 1)
			parts = s->u.call.arg[i].parts;
	for (int64_t i = 0; i < parts; i++) {
		Reach r = reach_of_call(n, s, i, parts);
		end = r.store_end > end ? r.store_end : end;
		if (end > r.load_begin)
			return false;
	}
	return true;
}

static bool stmt_is_safe(Nest *n, const Stmt *s)
{
	if (s->kind == ST_FOR)
		return loop_is_safe(n, s);
	return s->kind != ST_CALL ||
	       (call_is_safe(n, s) && body_is_safe(n, s->u.call.body));
}

static bool body_is_safe(Nest *n, const Stmt *s)
{
	Reach before = nothing;
	for (; s; s = s->next) {
		Reach r = reach_of(n, s);
		if (!in_order(before, r) || !stmt_is_safe(n, s))
			return false;
		before = join(before, r);
	}
	return true;
}

bool overlap_is_safe(Arena *a, const Kernel *k, const Value *in,
                     const Value *out, int64_t ahead)
{
	Nest n = {in, out, ahead, arena_array(a, Range, k->nloops + 1)};
	for (int i = 0; i < k->nloops; i++)
		n.loop[i] = (Range){0, k->extent[i] - 1, false};
	return body_is_safe(&n, k->body);
}

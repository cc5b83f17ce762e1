/*
 * How near may a node's output start before an input that dies there? Read off
 * the loop nest ("diagonal memory optimisation": Blacker, Bridges, Hadfield,
 * Rapid Prototyping of Deep Learning Models on Radiation Hardened CPUs with
 * Diagonal Memory Optimisation, 2020).
 *
 * Let the output start d bytes before the input. That is safe if no byte that
 * is stored lies at or behind one that is loaded later:
 *
 *     d >= end(store) - begin(load)    for all stores and later loads.
 *
 * Of one store and one load statement, with indexes that are affine in the loop
 * variables, that maximum is exact. The loops around both are the same ones up
 * to some depth; a load comes later if at some level p of these its variable is
 * larger, those outside of it being equal, or if all are equal and it stands
 * later in the text. For each p the difference is linear in the variables and
 * these are independent of each other, but for the two at p, whose maximum is
 * at a corner of a triangle.
 *
 * A call may do what it likes with what it is given, unless its arguments say
 * that it works on equal parts of them, one after the other: that is a loop
 * over the parts, in which the stores come first. As the interpreter and some
 * targets run the loops in its body instead, these count as well.
 */
#include "ir/kernel.h"

/* Bytes that one statement touches in each of its iterations. */
typedef struct Touch {
	struct Touch *next;
	int place;              /* in the text */
	int depth;              /* loops around it, */
	int loop[4 * MAX_RANK + 1];   /*   outermost first */
	Index at;               /* of the first byte */
	int64_t bytes;
	int nguards;
	const Guard *guard;
} Touch;

typedef struct Nest {
	const Kernel *k;
	const Value *in, *out;
	bool calls;             /* look at these, not at their bodies */
	int64_t parts;          /* of the one call that has any; 1: none has */
	int place, depth;
	int loop[4 * MAX_RANK + 1];
	Touch *loads, *stores;
} Nest;

enum { PARTS = -1 };            /* the variable of the loop over them */

/* ---- what is touched ---- */

static Touch *add_touch(Nest *n, Touch **list)
{
	Touch *t = arena_new(n->k->arena, Touch);
	t->next = *list;
	t->place = n->place;
	t->depth = n->depth;
	for (int i = 0; i < n->depth; i++)
		t->loop[i] = n->loop[i];
	return *list = t;
}

static const Term *indirect_term(const Index *at)
{
	for (int i = 0; i < at->nterms; i++)
		if (at->term[i].scalar && at->term[i].mul)
			return &at->term[i];
	return NULL;
}

/* An indirect index, whatever it is, is within its guard: the touch gets as
 * long as all that this allows, and begins where the guarded index is 0. */
static void free_indirect(Touch *t, const Guard *g, int64_t element)
{
	const Term *by = indirect_term(&g->at);
	for (int i = 0; by && i < t->at.nterms; i++) {
		const Term *term = &t->at.term[i];
		if (!term->scalar || term->var != by->var ||
		    term->mul % by->mul || term->mul / by->mul <= 0)
			continue;
		int64_t ratio = term->mul / by->mul;
		t->at = k_sum(t->at, k_scaled(g->at, -ratio));
		t->bytes += ratio * element * (g->extent - 1);
		return;
	}
}

static void touch(Nest *n, Touch **list, const Access *a)
{
	Touch *t = add_touch(n, list);
	int64_t element = dtype_size(a->v->dtype);
	t->at = a->at;
	t->bytes = element;
	for (int i = 0; i < a->nguards; i++)
		free_indirect(t, &a->guard[i], element);
	/* Bits are not where their indexes say in bytes. */
	if (indirect_term(&t->at) || (a->v->dtype == DT_BIT && !a->byte)) {
		t->at = k_const(0);
		t->bytes = value_bytes(a->v);
		return;
	}
	t->at = k_scaled(t->at, element);
	t->nguards = a->nguards;
	t->guard = a->guard;
}

static void find_loads(Nest *n, const Expr *e)
{
	if (e->kind == E_LOAD && e->u.load.v == n->in)
		touch(n, &n->loads, &e->u.load);
	if (e->kind == E_CAST)
		find_loads(n, e->u.cast);
	for (int i = 0; e->kind == E_SCALAR &&
	                i < scalar_arity(e->u.scalar.op); i++)
		find_loads(n, e->u.scalar.arg[i]);
}

static void touch_argument(Nest *n, Touch **list, const Arg *a, int64_t parts)
{
	Touch *t = add_touch(n, list);
	t->bytes = value_bytes(a->v);
	if (parts > 1 && a->parts == parts) {
		t->bytes /= parts;
		t->at.nterms = 1;
		t->at.term[0] = (Term){.var = PARTS, .mul = t->bytes};
	} else if (a->count && !indirect_term(&a->at)) {
		int64_t element = dtype_size(a->v->dtype);
		t->at = k_scaled(a->at, element);
		t->bytes = a->count * element;
	}
}

/* Into how many parts the call divides the output; 1: it does not. */
static int64_t parts_of_call(const Nest *n, const Stmt *s)
{
	int64_t parts = 1;
	for (int i = 0; i < s->u.call.narg; i++)
		if (s->u.call.arg[i].kind == ARG_VALUE &&
		    s->u.call.arg[i].v == n->out)
			parts = s->u.call.arg[i].parts;
	return parts > 1 && n->parts == 1 ? parts : 1;
}

static void touch_arguments(Nest *n, Touch **list, const Stmt *s,
                            const Value *v, int64_t parts)
{
	for (int i = 0; i < s->u.call.narg; i++)
		if (s->u.call.arg[i].kind == ARG_VALUE &&
		    (s->u.call.arg[i].v == v || s->u.call.arg[i].over == v))
			touch_argument(n, list, &s->u.call.arg[i], parts);
	n->place++;
}

/* All that it stores comes before all that it loads, in each part. */
static void find_in_call(Nest *n, const Stmt *s)
{
	int64_t parts = parts_of_call(n, s);
	if (parts > 1) {
		n->parts = parts;
		n->loop[n->depth++] = PARTS;
	}
	touch_arguments(n, &n->stores, s, n->out, parts);
	touch_arguments(n, &n->loads, s, n->in, parts);
	n->depth -= parts > 1;
}

static void find_touches(Nest *n, const Stmt *s)
{
	for (; s; s = s->next, n->place++)
		switch (s->kind) {
		case ST_FOR:
			n->loop[n->depth++] = s->u.loop.var;
			find_touches(n, s->u.loop.body);
			n->depth--;
			break;
		case ST_CALL:
			if (n->calls)
				find_in_call(n, s);
			else
				find_touches(n, s->u.call.body);
			break;
		case ST_SET:
			find_loads(n, s->u.set.x);
			break;
		case ST_STORE:
			find_loads(n, s->u.store.x);
			if (s->u.store.to.v == n->out)
				touch(n, &n->stores, &s->u.store.to);
			break;
		}
}

/* ---- a store and a later load ---- */

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t last_of(const Nest *n, int var)
{
	return (var == PARTS ? n->parts : n->k->extent[var]) - 1;
}

static int64_t factor(const Index *at, int var)
{
	for (int i = 0; i < at->nterms; i++)
		if (at->term[i].var == var && !at->term[i].scalar)
			return at->term[i].mul;
	return 0;
}

/* The most of w i - r j for 0 <= i < j <= last. */
static int64_t most_in_triangle(int64_t w, int64_t r, int64_t last)
{
	int64_t corner = larger(-r, -r * last);
	return larger(corner, w * (last - 1) - r * last);
}

static bool among(const int loop[], int n, int var)
{
	for (int i = 0; i < n; i++)
		if (loop[i] == var)
			return true;
	return false;
}

/* Does another of its guards depend on the variable? */
static bool guarded_twice(const Touch *touch, const Guard *g, int var)
{
	for (int i = 0; i < touch->nguards; i++)
		if (&touch->guard[i] != g && factor(&touch->guard[i].at, var))
			return true;
	return false;
}

/* By how much the guard's index, with all its loops free, goes beyond what the
 * guard lets through: below 0, or above its extent. */
static int64_t beyond(const Nest *n, const Guard *g, bool above)
{
	int64_t at = above ? g->at.add - (g->extent - 1) : -g->at.add;
	for (int i = 0; i < g->at.nterms; i++) {
		const Term *t = &g->at.term[i];
		int64_t reach = t->mul * last_of(n, t->var);
		at += larger(0, above ? reach : -reach);
	}
	return larger(0, at);
}

/* Where the loops of a guard are all free, and its own, a load begins no lower
 * than it lets it, and a store ends no higher: by how many bytes that is. */
static int64_t guarded_away(const Nest *n, const Touch *touch, int bound,
                            const Guard *g, bool above)
{
	int64_t ratio = 0;
	for (int i = 0; i < g->at.nterms; i++) {
		const Term *t = &g->at.term[i];
		if (t->scalar || !t->mul || guarded_twice(touch, g, t->var) ||
		    among(touch->loop, bound, t->var))
			return 0;
		int64_t f = factor(&touch->at, t->var);
		if (f % t->mul || (ratio && f / t->mul != ratio))
			return 0;
		ratio = f / t->mul;
	}
	return ratio > 0 ? beyond(n, g, above) * ratio : 0;
}

/* The most of end(store) - begin(load) where the loops before level p are
 * equal, and the load's is larger at p; p == shared: all are equal. */
static int64_t most_at(const Nest *n, const Touch *s, const Touch *l,
                       int shared, int p)
{
	int64_t most = s->at.add + s->bytes - l->at.add;
	int bound = p < shared ? p + 1 : shared;
	for (int i = 0; i < bound; i++) {
		int64_t w = factor(&s->at, s->loop[i]);
		int64_t r = factor(&l->at, s->loop[i]);
		int64_t last = last_of(n, s->loop[i]);
		most += i == p ? most_in_triangle(w, r, last)
		               : larger(0, (w - r) * last);
	}
	for (int i = bound; i < s->depth; i++)
		most += larger(0, factor(&s->at, s->loop[i]) *
		                  last_of(n, s->loop[i]));
	for (int i = bound; i < l->depth; i++)
		most += larger(0, -factor(&l->at, l->loop[i]) *
		                  last_of(n, l->loop[i]));
	for (int i = 0; i < l->nguards; i++)
		most -= guarded_away(n, l, bound, &l->guard[i], false);
	for (int i = 0; i < s->nguards; i++)
		most -= guarded_away(n, s, bound, &s->guard[i], true);
	return most;
}

static int64_t most_of_pair(const Nest *n, const Touch *s, const Touch *l)
{
	int64_t most = KERNEL_ANYWHERE;
	int shared = 0;
	while (shared < s->depth && shared < l->depth &&
	       s->loop[shared] == l->loop[shared])
		shared++;
	for (int p = 0; p < shared; p++)
		if (last_of(n, s->loop[p]) > 0)
			most = larger(most, most_at(n, s, l, shared, p));
	if (l->place > s->place)
		most = larger(most, most_at(n, s, l, shared, shared));
	return most;
}

static int64_t most_of_all(Nest n)
{
	int64_t most = KERNEL_ANYWHERE;
	find_touches(&n, n.k->body);
	for (const Touch *s = n.stores; s; s = s->next)
		for (const Touch *l = n.loads; l; l = l->next)
			most = larger(most, most_of_pair(&n, s, l));
	return most;
}

/* Has it loops whose iterations the checker, which goes through them, could not
 * look at in a few seconds? */
static bool is_long(const Stmt *s)
{
	enum { MOST_ITERATIONS = 1 << 24 };
	for (; s; s = s->next)
		if ((s->kind == ST_FOR &&
		     (s->u.loop.extent > MOST_ITERATIONS ||
		      is_long(s->u.loop.body))) ||
		    (s->kind == ST_CALL && is_long(s->u.call.body)))
			return true;
	return false;
}

int64_t kernel_distance(const Kernel *k, const Value *in, const Value *out)
{
	Nest n = {.k = k, .in = in, .out = out, .calls = true, .parts = 1};
	if (!value_bytes(in) || !value_bytes(out))
		return KERNEL_ANYWHERE;
	if (is_long(k->body))
		return value_bytes(out);
	int64_t called = most_of_all(n);
	n.calls = false;
	return smaller(larger(called, most_of_all(n)), value_bytes(out));
}

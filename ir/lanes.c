#include "ir/lanes.h"

#include <string.h>

enum { MAX_LANES = 16, MAX_SUMS = 4, MAX_BODY = 64 };

/* A loop that can be split: its sums and what replaces names in a copy. */
typedef struct Split {
	Kernel *k;
	int loop;
	int nsums, sum[MAX_SUMS];
	bool stores;       /* the loop does more than sums */
	bool jumps;        /* it does not go through memory in order */
	bool keep[MAX_BODY];   /* the statements to copy */
	Index at;          /* what the loop variable becomes */
	int *rename;       /* by scalar variable; -1: stays */
	int nrename;
	Stmt **tail;
} Split;

/* ---- may it be split? ---- */

static bool index_reads(const Index *at, int var)
{
	for (int t = 0; t < at->nterms; t++)
		if (at->term[t].scalar && at->term[t].var == var)
			return true;
	return false;
}

static bool access_reads(const Access *a, int var)
{
	for (int g = 0; g < a->nguards; g++)
		if (index_reads(&a->guard[g].at, var))
			return true;
	return index_reads(&a->at, var);
}

static bool expr_reads(const Expr *e, int var)
{
	switch (e->kind) {
	case E_NUM:
		return false;
	case E_VAR:
		return e->u.var == var;
	case E_INDEX:
		return index_reads(&e->u.index, var);
	case E_LOAD:
		return access_reads(&e->u.load, var);
	case E_CAST:
		return expr_reads(e->u.cast, var);
	case E_SCALAR:
		break;
	}
	for (int i = 0; i < scalar_arity(e->u.scalar.op); i++)
		if (expr_reads(e->u.scalar.arg[i], var))
			return true;
	return false;
}

/* What s = s + x adds; NULL if the statement is nothing of the kind. */
static Expr *addend(const Kernel *k, const Stmt *s)
{
	int var = s->u.set.var;
	const Expr *x = s->u.set.x;
	if (!dtype_is_float(k->type[var]) || x->kind != E_SCALAR ||
	    x->u.scalar.op != S_add)
		return NULL;
	for (int i = 0; i < 2; i++) {
		const Expr *a = x->u.scalar.arg[i];
		if (a->kind == E_VAR && a->u.var == var &&
		    !expr_reads(x->u.scalar.arg[1 - i], var))
			return x->u.scalar.arg[1 - i];
	}
	return NULL;
}

static bool stmt_reads(const Stmt *s, int var)
{
	return s->kind == ST_SET
	       ? expr_reads(s->u.set.x, var)
	       : access_reads(&s->u.store.to, var) ||
	         expr_reads(s->u.store.x, var);
}

static int count_readers(const Stmt *body, int var)
{
	int n = 0;
	for (const Stmt *s = body; s; s = s->next)
		n += stmt_reads(s, var) ||
		     (s->kind == ST_SET && s->u.set.var == var);
	return n;
}

/* A straight line in which all that is carried to the next iteration is sums,
 * each of which only its own statement knows. */
static bool can_split(Split *p, const Stmt *loop, int lanes)
{
	const Stmt *body = loop->u.loop.body;
	int length = 0;
	p->loop = loop->u.loop.var;
	if (loop->u.loop.extent < 2 * lanes)
		return false;
	for (const Stmt *s = body; s; s = s->next) {
		if ((s->kind != ST_SET && s->kind != ST_STORE) ||
		    length++ == MAX_BODY)
			return false;
		p->stores |= s->kind == ST_STORE;
		if (s->kind == ST_STORE || s->u.set.first)
			continue;
		if (!addend(p->k, s) || p->nsums == MAX_SUMS ||
		    count_readers(body, s->u.set.var) != 1)
			return false;
		p->sum[p->nsums++] = s->u.set.var;
	}
	return p->nsums > 0;
}

/* ---- copies ---- */

static int new_var(Split *p, DType type)
{
	Kernel *k = p->k;
	DType *types = arena_array(k->arena, DType, k->nvars + 1);
	memcpy(types, k->type, sizeof *types * (size_t)k->nvars);
	types[k->nvars] = type;
	k->type = types;
	k->maxvars = k->nvars + 1;
	return k->nvars++;
}

static int new_loop(Split *p, int64_t extent)
{
	Kernel *k = p->k;
	int64_t *extents = arena_array(k->arena, int64_t, k->nloops + 1);
	memcpy(extents, k->extent, sizeof *extents * (size_t)k->nloops);
	extents[k->nloops] = extent;
	k->extent = extents;
	k->maxloops = k->nloops + 1;
	return k->nloops++;
}

static int renamed(const Split *p, int var)
{
	return var < p->nrename && p->rename[var] >= 0 ? p->rename[var] : var;
}

static Index copy_index(Split *p, const Index *at)
{
	Index sum = k_const(at->add);
	for (int t = 0; t < at->nterms; t++) {
		const Term *m = &at->term[t];
		if (!m->scalar && m->var == p->loop && m->mul != 1)
			p->jumps = true;
		Index one = m->scalar ? k_indirect(renamed(p, m->var))
		          : m->var == p->loop ? p->at : k_at(m->var);
		sum = k_sum(sum, k_scaled(one, m->mul));
	}
	return sum;
}

static Access copy_access(Split *p, const Access *a)
{
	Access c = *a;
	c.at = copy_index(p, &a->at);
	p->jumps |= a->nguards > 0;
	c.guard = arena_array(p->k->arena, Guard, a->nguards);
	for (int g = 0; g < a->nguards; g++)
		c.guard[g] = (Guard){copy_index(p, &a->guard[g].at),
		                     a->guard[g].extent};
	return c;
}

static Expr *copy_expr(Split *p, const Expr *e)
{
	Expr *c = arena_new(p->k->arena, Expr);
	*c = *e;
	switch (e->kind) {
	case E_NUM:
		break;
	case E_VAR:
		c->u.var = renamed(p, e->u.var);
		break;
	case E_INDEX:
		c->u.index = copy_index(p, &e->u.index);
		break;
	case E_LOAD:
		c->u.load = copy_access(p, &e->u.load);
		break;
	case E_CAST:
		c->u.cast = copy_expr(p, e->u.cast);
		break;
	case E_SCALAR:
		for (int i = 0; i < scalar_arity(e->u.scalar.op); i++)
			c->u.scalar.arg[i] = copy_expr(p, e->u.scalar.arg[i]);
	}
	return c;
}

static Stmt *push(Split *p, Stmt s)
{
	Stmt *copy = arena_new(p->k->arena, Stmt);
	*copy = s;
	copy->next = NULL;
	*p->tail = copy;
	p->tail = &copy->next;
	return copy;
}

static void keep_all(Split *p)
{
	for (int i = 0; i < MAX_BODY; i++)
		p->keep[i] = true;
}

/* Only what one sum needs: from the end, its own statement and those that
 * define what a kept one reads. */
static void keep_for(Split *p, const Stmt *body, int sum)
{
	const Stmt *stmt[MAX_BODY];
	int n = 0;
	for (const Stmt *s = body; s; s = s->next)
		stmt[n++] = s;
	for (int i = n - 1; i >= 0; i--) {
		int var = stmt[i]->u.set.var;
		p->keep[i] = var == sum;
		for (int j = i + 1; j < n; j++)
			p->keep[i] |= p->keep[j] && stmt_reads(stmt[j], var);
	}
}

/* The body once more, its own variables under new names. */
static void copy_body(Split *p, const Stmt *body)
{
	int i = 0;
	for (const Stmt *s = body; s; s = s->next) {
		Stmt c = *s;
		if (!p->keep[i++])
			continue;
		if (s->kind == ST_STORE) {
			c.u.store.to = copy_access(p, &s->u.store.to);
			c.u.store.x = copy_expr(p, s->u.store.x);
		} else {
			c.u.set.x = copy_expr(p, s->u.set.x);
			if (s->u.set.first)
				p->rename[s->u.set.var] =
					new_var(p, p->k->type[s->u.set.var]);
			c.u.set.var = renamed(p, s->u.set.var);
		}
		push(p, c);
	}
}

static void push_set(Split *p, int var, bool first, Expr *x)
{
	Stmt s = {.kind = ST_SET};
	s.u.set.var = var;
	s.u.set.first = first;
	s.u.set.x = x;
	push(p, s);
}

/* ---- the loops ---- */

/* Opens a loop; the caller restores p->tail to what it returns. */
static Stmt **open_loop(Split *p, int64_t extent, int64_t step, int64_t from)
{
	Stmt s = {.kind = ST_FOR};
	s.u.loop.var = new_loop(p, extent);
	s.u.loop.extent = extent;
	p->at = k_plus(k_scaled(k_at(s.u.loop.var), step), from);
	Stmt *loop = push(p, s);
	Stmt **after = p->tail;
	p->tail = &loop->u.loop.body;
	return after;
}

/* Pairs, then pairs of pairs: n is a power of two. */
static Expr *tree(Split *p, const int var[], int n)
{
	if (n == 1)
		return k_get(p->k, var[0]);
	return k_add(p->k, tree(p, var, n / 2), tree(p, var + n / 2, n / 2));
}

/* One loop with these sums in lanes, then their total. */
static void split_sums(Split *p, const Stmt *loop, int lanes, const int sum[],
                       int nsums)
{
	int lane[MAX_SUMS][MAX_LANES];
	for (int s = 0; s < nsums; s++)
		for (int j = 0; j < lanes; j++) {
			DType type = p->k->type[sum[s]];
			lane[s][j] = new_var(p, type);
			push_set(p, lane[s][j], true, k_typed(p->k, type, 0));
		}
	Stmt **at = p->tail;
	p->jumps = false;
	Stmt **after = open_loop(p, loop->u.loop.extent / lanes, lanes, 0);
	for (int j = 0; j < lanes; j++) {
		for (int s = 0; s < nsums; s++)
			p->rename[sum[s]] = lane[s][j];
		copy_body(p, loop->u.loop.body);
		p->at = k_plus(p->at, 1);
	}
	(*at)->u.loop.lanes = p->jumps ? 0 : lanes;
	p->tail = after;
	for (int s = 0; s < nsums; s++) {
		p->rename[sum[s]] = -1;
		push_set(p, sum[s], false,
		         k_add(p->k, k_get(p->k, sum[s]),
		               tree(p, lane[s], lanes)));
	}
}

/* Each sum gets a loop of its own, which compilers are better at, unless there
 * are stores: those happen once. Returns where the next statement goes. */
static Stmt **split(Split *p, const Stmt *loop, int lanes, Stmt **at)
{
	int64_t rest = loop->u.loop.extent % lanes;
	p->tail = at;
	p->nrename = p->k->nvars;
	p->rename = arena_array(p->k->arena, int, p->nrename);
	memset(p->rename, -1, sizeof *p->rename * (size_t)p->nrename);
	keep_all(p);
	if (p->stores)
		split_sums(p, loop, lanes, p->sum, p->nsums);
	for (int s = 0; !p->stores && s < p->nsums; s++) {
		keep_for(p, loop->u.loop.body, p->sum[s]);
		split_sums(p, loop, lanes, &p->sum[s], 1);
	}
	if (rest) {
		Stmt **after = open_loop(p, rest, 1,
		                         loop->u.loop.extent - rest);
		keep_all(p);
		copy_body(p, loop->u.loop.body);
		p->tail = after;
	}
	return p->tail;
}

static void walk(Kernel *k, Stmt **at, int lanes)
{
	while (*at) {
		Stmt *s = *at, *next = s->next;
		Split p = {.k = k};
		if (s->kind == ST_FOR && can_split(&p, s, lanes)) {
			at = split(&p, s, lanes, at);
			*at = next;
			continue;
		}
		if (s->kind == ST_FOR)
			walk(k, &s->u.loop.body, lanes);
		if (s->kind == ST_CALL)
			walk(k, &s->u.call.body, lanes);
		at = &s->next;
	}
}

void kernel_split_sums(Kernel *k, int lanes)
{
	if (lanes < 2 || lanes > MAX_LANES || lanes & (lanes - 1))
		BUG("%d lanes", lanes);
	walk(k, &k->body, lanes);
}

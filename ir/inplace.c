/*
 * May a node write its output over its input? Read off the loop nest.
 *
 * The output must be stored by one statement, at an index that is different in
 * every iteration of the loops around it: a number whose digits are the loop
 * variables. Then it is enough that no element is read after it was stored:
 *
 *   - what comes after the store in any of the loops' bodies reads no input;
 *   - what comes before it, and the stored expression, reads the input only at
 *     indexes with the same digits for the loops that both are in. For the
 *     other digits it may have loops of its own (a softmax reads its whole row
 *     for the sum, then stores it): those are elements of this same iteration.
 *
 * Or several statements store parts that do not overlap, and each is so proven.
 * Or one body does all of it, an iteration of its loops reading the elements
 * that it then stores and no other: the gates of a recurrent cell.
 *
 * What comes after the last statement that reads the input may do with the output
 * what it likes.
 */
#include "ir/kernel.h"

enum { MAX_OFFSETS = 8 };

typedef struct Proof {
	const Kernel *k;
	const Value *in, *out;
	Index at;                   /* where the store goes */
	int depth;                  /* loops around the statement looked at, */
	int loop[4 * MAX_RANK];     /*   outermost first */
	int noffsets;               /* of a body: its elements lie there from */
	int64_t offset[MAX_OFFSETS];   /*   `at`, ascending */
} Proof;

/* ---- the store ---- */

static int count_stores(const Stmt *s, const Value *v, const Stmt **found);

/* Counts one statement's stores to v, in calls too; *found is the last. */
static int stores_of(const Stmt *s, const Value *v, const Stmt **found)
{
	if (s->kind == ST_FOR)
		return count_stores(s->u.loop.body, v, found);
	if (s->kind == ST_CALL)
		return count_stores(s->u.call.body, v, found) + call_has(s, v);
	if (s->kind != ST_STORE || s->u.store.to.v != v)
		return 0;
	*found = s;
	return 1;
}

static int count_stores(const Stmt *s, const Value *v, const Stmt **found)
{
	int n = 0;
	for (; s; s = s->next)
		n += stores_of(s, v, found);
	return n;
}

static bool writes_over(const Stmt *call)
{
	for (int i = 0; i < call->u.call.narg; i++)
		if (call->u.call.arg[i].over)
			return true;
	return false;
}

/* The statements of a loop, or of a call whose loops count. */
static const Stmt *inside(const Stmt *s)
{
	if (s->kind == ST_FOR)
		return s->u.loop.body;
	return s->kind == ST_CALL && writes_over(s) ? s->u.call.body : NULL;
}

static bool holds(const Stmt *s, const Stmt *store)
{
	if (s == store)
		return true;
	for (s = inside(s); s; s = s->next)
		if (holds(s, store))
			return true;
	return false;
}

static int64_t term_extent(const Kernel *k, const Term *t)
{
	return k->extent[t->var];
}

/* Without the loops that run only once: their variable is always 0. */
static Index moving_terms(const Kernel *k, const Index *at)
{
	Index moving = {.add = at->add};
	for (int i = 0; i < at->nterms; i++)
		if (at->term[i].scalar || term_extent(k, &at->term[i]) > 1)
			moving.term[moving.nterms++] = at->term[i];
	return moving;
}

static int64_t size(int64_t x)
{
	return x < 0 ? -x : x;
}

/* The least step of the digit that offsets are; none is a step too large. */
static int64_t offset_step(const Proof *p)
{
	int64_t step = INT64_MAX;
	for (int i = 1; i < p->noffsets; i++)
		if (p->offset[i] - p->offset[i - 1] < step)
			step = p->offset[i] - p->offset[i - 1];
	return step;
}

/* What all digits of smaller steps add up to. */
static int64_t reach_below(const Proof *p, int64_t step)
{
	int64_t below = 0;
	for (int j = 0; j < p->at.nterms; j++) {
		const Term *u = &p->at.term[j];
		if (size(u->mul) < step)
			below += size(u->mul) * (term_extent(p->k, u) - 1);
	}
	if (offset_step(p) < step)
		below += p->offset[p->noffsets - 1] - p->offset[0];
	return below;
}

/* Do two different iterations of the p->depth loops always give two different
 * indexes? Yes if each loop is a digit: its factor exceeds what all loops of
 * smaller factors add up to. The offsets are one more digit. */
static bool has_digits(const Proof *p)
{
	int found = 0;
	int64_t offsets = offset_step(p);
	for (int i = 0; i < p->at.nterms; i++) {
		const Term *t = &p->at.term[i];
		if (t->scalar || size(t->mul) == offsets)
			return false;
		for (int j = 0; j < i; j++)
			if (size(p->at.term[j].mul) == size(t->mul))
				return false;
		if (reach_below(p, size(t->mul)) >= size(t->mul))
			return false;
	}
	if (p->noffsets > 1 && reach_below(p, offsets) >= offsets)
		return false;
	for (int d = 0; d < p->depth; d++) {
		bool in_index = p->k->extent[p->loop[d]] <= 1;
		for (int i = 0; i < p->at.nterms; i++)
			in_index |= p->at.term[i].var == p->loop[d];
		found += in_index;
	}
	return found == p->depth;
}

/* ---- the reads before it ---- */

static bool shares_loop(const Proof *p, int var)
{
	for (int d = 0; d < p->depth; d++)
		if (p->loop[d] == var)
			return true;
	return false;
}

static bool same_digit(const Proof *p, const Term *t, const Term *u)
{
	if (t->scalar)
		return false;
	if (shares_loop(p, t->var) || shares_loop(p, u->var))
		return t->var == u->var;
	return term_extent(p->k, t) == term_extent(p->k, u);
}

/* Same digits: the loops that both are in are the same variables; others may
 * differ but run over the same range. One term for each, as many in all. */
static bool same_digits(const Proof *p, const Access *a)
{
	Index at = moving_terms(p->k, &a->at);
	if (a->nguards || at.nterms != p->at.nterms || at.add != p->at.add)
		return false;
	for (int j = 0; j < p->at.nterms; j++) {
		const Term *u = &p->at.term[j];
		int found = 0;
		for (int i = 0; i < at.nterms; i++) {
			const Term *t = &at.term[i];
			if (t->mul == u->mul)
				found += same_digit(p, t, u) ? 1 : 2;
		}
		if (found != 1)
			return false;
	}
	return true;
}

static bool expr_fits(const Proof *p, const Expr *e)
{
	if (e->kind == E_LOAD)
		return e->u.load.v != p->in || same_digits(p, &e->u.load);
	if (e->kind == E_CAST)
		return expr_fits(p, e->u.cast);
	for (int i = 0; e->kind == E_SCALAR &&
	                i < scalar_arity(e->u.scalar.op); i++)
		if (!expr_fits(p, e->u.scalar.arg[i]))
			return false;
	return true;
}

/* A call may read ahead: none that touches the input is allowed. */
static bool stmt_fits(const Proof *p, const Stmt *s)
{
	switch (s->kind) {
	case ST_FOR:
		for (const Stmt *t = s->u.loop.body; t; t = t->next)
			if (!stmt_fits(p, t))
				return false;
		return true;
	case ST_CALL:
		return !statement_reads(s, p->in);
	case ST_SET:
		return expr_fits(p, s->u.set.x);
	case ST_STORE:
		return expr_fits(p, s->u.store.x);
	}
	return false;
}

/* The statements of one body, then of the loop in it that has the store. */
static bool body_fits(Proof *p, const Stmt *body, const Stmt *store)
{
	const Stmt *with = body;
	while (!holds(with, store))
		with = with->next;
	for (const Stmt *s = with->next; s; s = s->next)
		if (statement_reads(s, p->in))
			return false;
	for (const Stmt *s = body; s != with; s = s->next)
		if (!stmt_fits(p, s))
			return false;
	if (with == store)
		return has_digits(p) && stmt_fits(p, store);
	if (with->kind == ST_FOR)
		p->loop[p->depth++] = with->u.loop.var;
	return body_fits(p, inside(with), store);
}

/* One statement outside of all loops: the store, or what has it. */
static bool piece_fits(Proof *p, const Stmt *piece, const Stmt *store)
{
	if (piece == store)
		return has_digits(p) && stmt_fits(p, store);
	if (piece->kind == ST_FOR)
		p->loop[p->depth++] = piece->u.loop.var;
	return body_fits(p, inside(piece), store);
}

static bool ascends(const Proof *p)
{
	for (int i = 0; i < p->at.nterms; i++)
		if (p->at.term[i].mul < 0)
			return false;
	return true;
}

/* What the store of proven digits covers ends before this element. */
static int64_t end_of(const Proof *p)
{
	int64_t end = p->at.add + 1;
	for (int i = 0; i < p->at.nterms; i++)
		end += p->at.term[i].mul * (term_extent(p->k, &p->at.term[i]) - 1);
	return end;
}

static bool plain(const Stmt *store)
{
	return !store->u.store.add && !store->u.store.to.nguards;
}

/* Several statements, each of which stores a part. A part that is proven reads
 * the input only where it stores; the parts ascend, so none reads or stores
 * what another has stored. Between them nothing reads the input. */
static bool parts_fit(Proof *p)
{
	int64_t end = 0;
	for (const Stmt *s = p->k->body; s; s = s->next) {
		const Stmt *store = NULL;
		int n = stores_of(s, p->out, &store);
		if (n == 0 && !statement_reads(s, p->in))
			continue;
		if (n != 1 || !store || !holds(s, store) || !plain(store))
			return false;
		p->at = moving_terms(p->k, &store->u.store.to.at);
		p->depth = 0;
		if (p->at.add < end || !ascends(p) || !piece_fits(p, s, store))
			return false;
		end = end_of(p);
	}
	return true;
}

static bool in_a_call(const Stmt *s, const Stmt *store)
{
	for (; s; s = s->next)
		if (holds(s, store))
			return false;
	return true;
}

/* ---- one body ---- */

/* Does the statement read the input or write the output? A call is what its
 * loops say, and may read the output. */
static bool touches(const Proof *p, const Stmt *s)
{
	const Stmt *store = NULL;
	return statement_reads(s, p->in) ||
	       (s->kind == ST_CALL ? count_stores(s->u.call.body, p->out, &store)
	                           : stores_of(s, p->out, &store));
}

static void add_offset(Proof *p, int64_t x)
{
	int i = 0;
	while (i < p->noffsets && p->offset[i] < x)
		i++;
	if (i < p->noffsets && p->offset[i] == x)
		return;
	for (int j = p->noffsets++; j > i; j--)
		p->offset[j] = p->offset[j - 1];
	p->offset[i] = x;
}

/* The same place as the body's other elements, but for an offset. */
static bool joins(Proof *p, const Access *a)
{
	Index at = moving_terms(p->k, &a->at);
	if (a->nguards || p->noffsets == MAX_OFFSETS)
		return false;
	if (!p->noffsets)
		p->at = at;
	if (at.nterms != p->at.nterms)
		return false;
	for (int i = 0; i < at.nterms; i++) {
		const Term *t = &at.term[i];
		bool found = false;
		for (int j = 0; j < p->at.nterms; j++) {
			const Term *u = &p->at.term[j];
			found |= !t->scalar && !u->scalar && t->var == u->var &&
			         t->mul == u->mul;
		}
		if (!found)
			return false;
	}
	add_offset(p, at.add);
	return true;
}

static bool loads_join(Proof *p, const Expr *e)
{
	if (e->kind == E_LOAD)
		return e->u.load.v != p->in || joins(p, &e->u.load);
	if (e->kind == E_CAST)
		return loads_join(p, e->u.cast);
	for (int i = 0; e->kind == E_SCALAR &&
	                i < scalar_arity(e->u.scalar.op); i++)
		if (!loads_join(p, e->u.scalar.arg[i]))
			return false;
	return true;
}

/* All loads, then all stores. */
static bool joined(Proof *p, const Stmt *body)
{
	bool stored = false;
	for (const Stmt *s = body; s; s = s->next) {
		if (!touches(p, s))
			continue;
		if ((s->kind != ST_SET && s->kind != ST_STORE) ||
		    (stored && statement_reads(s, p->in)) ||
		    !loads_join(p, s->kind == ST_SET ? s->u.set.x
		                                     : s->u.store.x))
			return false;
		if (s->kind != ST_STORE || s->u.store.to.v != p->out)
			continue;
		if (!plain(s) || !joins(p, &s->u.store.to))
			return false;
		stored = true;
	}
	return has_digits(p);
}

/* Down the loops, as long as one statement does all. */
static bool one_body_fits(Proof *p)
{
	const Stmt *body = p->k->body;
	p->depth = p->noffsets = 0;
	for (;;) {
		const Stmt *only = NULL;
		int n = 0;
		for (const Stmt *s = body; s; s = s->next)
			if (touches(p, s)) {
				only = s;
				n++;
			}
		if (n != 1 || only->kind != ST_FOR)
			return n > 0 && joined(p, body);
		p->loop[p->depth++] = only->u.loop.var;
		body = only->u.loop.body;
	}
}

/* The kernel up to the last statement that reads v; all of it if none does. */
static Kernel until_last_read(const Kernel *k, const Value *v)
{
	Kernel some = *k;
	const Stmt *last = NULL;
	for (const Stmt *s = k->body; s; s = s->next)
		if (statement_reads(s, v))
			last = s;
	if (!last || !last->next)
		return some;
	Stmt **tail = &some.body;
	for (const Stmt *s = k->body; s != last->next; s = s->next) {
		*tail = arena_new(k->arena, Stmt);
		**tail = *s;
		tail = &(*tail)->next;
	}
	*tail = NULL;
	return some;
}

static bool fits(const Kernel *k, const Value *in, const Value *out)
{
	const Stmt *store = NULL;
	Proof p = {.k = k, .in = in, .out = out};
	int n = count_stores(k->body, out, &store);
	if (n > 1)
		return parts_fit(&p) || one_body_fits(&p);
	if (!store || !plain(store) || in_a_call(k->body, store))
		return false;
	p.at = moving_terms(k, &store->u.store.to.at);
	return body_fits(&p, k->body, store);
}

bool kernel_in_place(const Kernel *k, const Value *in, const Value *out)
{
	if (in->dtype != out->dtype || numel(in->shape) != numel(out->shape))
		return false;
	Kernel some = until_last_read(k, in);
	return fits(k, in, out) || fits(&some, in, out);
}

/*
 * May a node write its output over its input? Read off the loop nest: yes if
 * the output is stored by one statement, the input is read only in that same
 * innermost body, and always at the very element that is stored. Then each
 * element is read before it is overwritten, and never again.
 */
#include "ir/kernel.h"

#include <string.h>

static bool same_index(const Index *a, const Index *b)
{
	if (a->nterms != b->nterms || a->add != b->add)
		return false;
	for (int i = 0; i < a->nterms; i++) {
		bool found = false;
		for (int j = 0; j < b->nterms; j++)
			found |= a->term[i].scalar == b->term[j].scalar &&
			         a->term[i].var == b->term[j].var &&
			         a->term[i].mul == b->term[j].mul;
		if (!found)
			return false;
	}
	return true;
}

static bool expr_reads(const Expr *e, const Value *v)
{
	if (e->kind == E_LOAD)
		return e->u.load.v == v;
	if (e->kind == E_CAST)
		return expr_reads(e->u.cast, v);
	for (int i = 0; e->kind == E_SCALAR &&
	                i < scalar_arity(e->u.scalar.op); i++)
		if (expr_reads(e->u.scalar.arg[i], v))
			return true;
	return false;
}

static bool expr_reads_only_at(const Expr *e, const Value *v, const Index *at)
{
	if (e->kind == E_LOAD)
		return e->u.load.v != v ||
		       (!e->u.load.nguards && same_index(&e->u.load.at, at));
	if (e->kind == E_CAST)
		return expr_reads_only_at(e->u.cast, v, at);
	for (int i = 0; e->kind == E_SCALAR &&
	                i < scalar_arity(e->u.scalar.op); i++)
		if (!expr_reads_only_at(e->u.scalar.arg[i], v, at))
			return false;
	return true;
}

static bool touches(const Stmt *s, const Value *v)
{
	for (; s; s = s->next) {
		if (s->kind == ST_FOR && touches(s->u.loop.body, v))
			return true;
		if (s->kind == ST_CALL && touches(s->u.call.body, v))
			return true;
		if (s->kind == ST_SET && expr_reads(s->u.set.x, v))
			return true;
		if (s->kind == ST_STORE && (s->u.store.to.v == v ||
		                            expr_reads(s->u.store.x, v)))
			return true;
	}
	return false;
}

/* A straight line of sets and one store to `out`. Stores to other values are
 * as harmless as sets. After the store nothing reads `in`. */
static bool straight_line(const Stmt *s, const Value *in, const Value *out)
{
	const Stmt *store = NULL;
	for (const Stmt *t = s; t; t = t->next) {
		if (t->kind != ST_SET && t->kind != ST_STORE)
			return false;
		if (t->kind == ST_STORE && t->u.store.to.v == out) {
			if (store || t->u.store.add || t->u.store.to.nguards)
				return false;
			store = t;
		}
	}
	if (!store)
		return false;
	const Index *at = &store->u.store.to.at;
	bool after = false;
	for (const Stmt *t = s; t; t = t->next) {
		const Expr *x = t->kind == ST_SET ? t->u.set.x : t->u.store.x;
		if (after ? expr_reads(x, in) : !expr_reads_only_at(x, in, at))
			return false;
		after |= t == store;
	}
	return true;
}

static bool safe(const Stmt *body, const Value *in, const Value *out)
{
	const Stmt *only = NULL;
	for (const Stmt *s = body; s; s = s->next) {
		Stmt one = *s;
		one.next = NULL;
		if (!touches(&one, in) && !touches(&one, out))
			continue;
		if (s->kind == ST_CALL)
			return false;
		if (s->kind != ST_FOR)
			return straight_line(body, in, out);
		if (only)
			return false;
		only = s;
	}
	return only && safe(only->u.loop.body, in, out);
}

bool kernel_in_place(const Kernel *k, const Value *in, const Value *out)
{
	return in->dtype == out->dtype && numel(in->shape) == numel(out->shape) &&
	       safe(k->body, in, out);
}

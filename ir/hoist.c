/*
 * Takes out of a loop nest what is the same in every iteration: variables set
 * once, from numbers, scalars of the graph and one another. A C compiler would
 * have to prove that expm1f() sets no errno before it could do so.
 */
#include "ir/kernel.h"

static bool is_invariant(const Expr *e, const bool outside[])
{
	switch (e->kind) {
	case E_NUM:
		return true;
	case E_VAR:
		return outside[e->u.var];
	case E_INDEX:
		return false;
	case E_LOAD:
		return e->u.load.at.nterms == 0 && e->u.load.nguards == 0;
	case E_CAST:
		return is_invariant(e->u.cast, outside);
	case E_SCALAR:
		for (int i = 0; i < scalar_arity(e->u.scalar.op); i++)
			if (!is_invariant(e->u.scalar.arg[i], outside))
				return false;
		return true;
	}
	return false;
}

static bool set_once(const Stmt *body, int var)
{
	int count = 0;
	for (const Stmt *s = body; s; s = s->next)
		count += s->kind == ST_SET && s->u.set.var == var;
	return count == 1;
}

void hoist_invariants(Kernel *k)
{
	bool *outside = arena_array(k->arena, bool, k->nvars);
	Stmt **inner = &k->body, *out = NULL, **tail = &out;
	while (*inner && (*inner)->kind == ST_FOR && !(*inner)->next)
		inner = &(*inner)->u.loop.body;
	if (inner == &k->body)
		return;
	for (Stmt **at = inner, *s; (s = *at);) {
		if (s->kind != ST_SET || !set_once(*inner, s->u.set.var) ||
		    !is_invariant(s->u.set.x, outside)) {
			at = &s->next;
			continue;
		}
		outside[s->u.set.var] = true;
		*at = s->next;
		*tail = s;
		tail = &s->next;
	}
	*tail = k->body;
	k->body = out;
}

/*
 * Takes out of loops what is the same in every iteration: variables set
 * once, from numbers, scalars of the graph and one another. A C compiler would
 * have to see into expm1 before it could do so.
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

typedef struct Hoist {
	bool *outside;     /* by variable: it is set before all loops */
	int *sets;         /* by variable: statements that set it */
	Stmt *out, **tail;
} Hoist;

static void count_sets(int *sets, const Stmt *s)
{
	for (; s; s = s->next)
		if (s->kind == ST_SET)
			sets[s->u.set.var]++;
		else if (s->kind == ST_FOR)
			count_sets(sets, s->u.loop.body);
		else if (s->kind == ST_CALL)
			count_sets(sets, s->u.call.body);
}

/* The body of a call stays: it may not be emitted. */
static void hoist(Hoist *h, Stmt **at, bool in_loop)
{
	for (Stmt *s; (s = *at);) {
		if (s->kind == ST_FOR)
			hoist(h, &s->u.loop.body, true);
		if (!in_loop || s->kind != ST_SET ||
		    h->sets[s->u.set.var] != 1 ||
		    !is_invariant(s->u.set.x, h->outside)) {
			at = &s->next;
			continue;
		}
		h->outside[s->u.set.var] = true;
		*at = s->next;
		*h->tail = s;
		h->tail = &s->next;
	}
}

void hoist_invariants(Kernel *k)
{
	Hoist h = {
		.outside = arena_array(k->arena, bool, k->nvars),
		.sets = arena_array(k->arena, int, k->nvars),
	};
	h.tail = &h.out;
	count_sets(h.sets, k->body);
	hoist(&h, &k->body, false);
	*h.tail = k->body;
	k->body = h.out;
}

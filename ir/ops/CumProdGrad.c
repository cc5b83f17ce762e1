/*
 * CumProdGrad(x, before, dy): dx[i] = before[i] s[i], where before[i] is the
 * product of what comes before x[i], and, from the last element on,
 *
 *     s[i] = dy[i] + x[i + 1] s[i + 1]
 *     s[i] = dy[i + 1] + x[i + 1] s[i + 1]   if exclusive
 *
 * so that nothing is divided by an x that may be 0.
 */
#include "ir/cumulate.h"

enum { X, BEFORE, DY };

static bool infer(Unit *u, Node *n)
{
	for (int i = BEFORE; i <= DY; i++)
		if (!shape_equal(n->in[i]->shape, n->in[X]->shape)) {
			error_at(u, n->loc, "input %d is %s, expected %s", i,
			         shape_text(u->arena, n->in[i]->shape),
			         shape_text(u->arena, n->in[X]->shape));
			return false;
		}
	return cumulate_infer(u, n);
}

/* `next` is x[i + 1] s[i + 1]; exclusive: with dy[i + 1] too. */
static void lower(Kernel *k, const Node *n)
{
	Index at[MAX_RANK];
	int next = cumulate_open(k, n, true, 0, at);
	Expr *dy = k_load_at(k, n->in[DY], at);
	bool exclusive = attr_int(n, CUMULATE_EXCLUSIVE);
	Expr *s = k_get(k, next);
	s = k_get(k, k_var(k, exclusive ? s : k_add(k, s, dy)));
	k_store_at(k, n->out[0], at,
	           k_mul(k, k_load_at(k, n->in[BEFORE], at), s));
	Expr *more = k_mul(k, k_load_at(k, n->in[X], at), s);
	k_set(k, next, exclusive ? k_add(k, more, dy) : more);
	k_end_n(k, n->in[X]->shape.rank);
}

const OpDef op_CumProdGrad = {
	.name = "CumProdGrad", .min_in = 3, .max_in = 3,
	CUMULATE_ATTRS,
	.infer = infer,
	.lower = lower,
	.parts = cumulate_parts,
	EXAMPLES({.in = {{DIMS(5)}, {DIMS(5)}, {DIMS(5)}},
	          .attr = {{"axis", 0}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4)}, {DIMS(2, 3, 4)}},
	          .attr = {{"axis", 1}, {"reverse", 1}}},
	         {.in = {{DIMS(2, 3)}, {DIMS(2, 3)}, {DIMS(2, 3)}},
	          .attr = {{"axis", -1}, {"exclusive", 1}}}),
};

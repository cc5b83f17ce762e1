/*
 * Dropout: y = x / (1 - ratio) where u >= ratio, else 0; u is uniform, element
 * i's number i of a sequence that `seed` (which differs for each step) and `id`
 * (which differs for each Dropout) name. dx is the same function of dy: the
 * mask is computed again, not kept.
 */
#include "ir/op.h"

enum { RATIO, ID };

static bool infer(Unit *u, Node *n)
{
	double ratio = attr_float(n, RATIO);
	const Value *seed = n->in[1];
	if (!(ratio >= 0 && ratio <= 1)) {
		error_at(u, n->loc, "ratio is %g, expected 0 to 1", ratio);
		return false;
	}
	if (seed->dtype != DT_U32 || numel(seed->shape) != 1) {
		error_at(u, n->loc, "the seed is %s%s, expected one u32",
		         dtype_name(seed->dtype),
		         shape_text(u->arena, seed->shape));
		return false;
	}
	return infer_like(n, 0, 0);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[0];
	double ratio = attr_float(n, RATIO);
	double scale = ratio < 1 ? 1 / (1 - ratio) : 0;
	double offset = (double)(uint32_t)(attr_int(n, ID) * 0x85ebca6b);
	Expr *seed = k_load_flat(k, n->in[1], k_const(0));
	seed = k_get(k, k_var(k, k_add(k, seed, k_num(k, offset))));
	int i = k_for(k, numel(x->shape));
	Expr *u = k_uniform(k, seed, k_index(k, k_at(i)));
	Expr *kept = k_mul(k, k_load_flat(k, x, k_at(i)), k_num(k, scale));
	k_store_flat(k, n->out[0], k_at(i),
	             k_sel(k, k_ge(k, u, k_num(k, ratio)), kept, k_num(k, 0)));
	k_end(k);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_Dropout, dy[0], n->in[1]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_Dropout = {
	.name = "Dropout", .since = 12, .min_in = 2, .max_in = 2,
	ATTRS([RATIO] = {"ratio", ATTR_FLOAT, true, .f = 0.5},
	      [ID] = {"id", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	EXAMPLES({.in = {{DIMS(4, 5)}, {{0}, DT_U32, 0, 4294967295.0}}},
	         {.in = {{DIMS(4, 5)}, {{0}, DT_U32, 0, 4294967295.0}},
	          .attr = {{"ratio", .f = 0.2}, {"id", 7}}},
	         {.in = {{DIMS(3)}, {{0}, DT_U32, 5, 5}},
	          .attr = {{"ratio", .f = 1}}}),
};

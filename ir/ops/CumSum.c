/*
 * CumSum: y[i] = x[0] + ... + x[i] along `axis`; x[0] + ... + x[i - 1] if
 * exclusive; counted from the other end if reverse. dx is the CumSum of dy from
 * the other end.
 */
#include "ir/cumulate.h"

static void lower(Kernel *k, const Node *n)
{
	cumulate_lower(k, n, 0, k_add);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = NEW(g, n->loc, op_CumSum, dy[0]);
	node_copy_attrs(g, e, n);
	node_set_int(g, e, "reverse", !attr_int(n, CUMULATE_REVERSE));
	dx[0] = node_done(g, e);
}

const OpDef op_CumSum = {
	.name = "CumSum", .since = 11, .min_in = 1, .max_in = 1,
	CUMULATE_ATTRS,
	.infer = cumulate_infer,
	.lower = lower,
	.grad = grad,
	.parts = cumulate_parts,
	EXAMPLES({.in = {{DIMS(5)}}, .attr = {{"axis", 0}}},
	         {.in = {{DIMS(2, 3, 4)}},
	          .attr = {{"axis", -2}, {"reverse", 1}}},
	         {.in = {{DIMS(2, 3, 4)}},
	          .attr = {{"axis", 1}, {"exclusive", 1}}},
	         {.in = {{DIMS(3, 4)}},
	          .attr = {{"axis", 1}, {"exclusive", 1}, {"reverse", 1}}},
	         {.in = {{DIMS(6), DT_I32, -9, 9}}, .attr = {{"axis", 0}}}),
};

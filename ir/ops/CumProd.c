/*
 * CumProd: y[i] = x[0] ... x[i] along `axis`; x[0] ... x[i - 1] if exclusive;
 * counted from the other end if reverse. Its gradient needs the product of what
 * is before x[i], which is an exclusive CumProd: see CumProdGrad.
 */
#include "ir/cumulate.h"

static void lower(Kernel *k, const Node *n)
{
	cumulate_lower(k, n, 1, k_mul);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *before = NEW(g, n->loc, op_CumProd, n->in[0]);
	node_copy_attrs(g, before, n);
	node_set_int(g, before, "exclusive", 1);
	Node *e = NEW(g, n->loc, op_CumProdGrad, n->in[0],
	              node_done(g, before), dy[0]);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

const OpDef op_CumProd = {
	.name = "CumProd", .since = 26, .min_in = 1, .max_in = 1,
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

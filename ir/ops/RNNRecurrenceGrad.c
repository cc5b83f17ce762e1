/*
 * RNNRecurrenceGrad: back through the steps of RNNRecurrence, which see. With d
 * the gradient of h' on arrival, dZ = d f' and d' = dZ R, where f' is 1 - h'^2
 * for Tanh and h' > 0 for Relu.
 *
 * Inputs: states, R, lengths, and the gradients of the last h and of the
 * states. Outputs: the gradients of Z, which may be written over that of the
 * states, and of h0, which holds the running d.
 */
#include "ir/recurrence.h"

enum { STATES, R, LENGTHS, DH, DSTATES };
enum { DZ, DH0 };
enum { ACTIVATION = RECURRENCE_NATTRS };

static Recurrence recurrence(const Node *n)
{
	return recurrence_of(n, n->in[STATES], 1, recurrence_in(n, LENGTHS));
}

static bool infer(Unit *u, Node *n)
{
	if (!recurrence_infer(u, n, n->in[STATES], 1, n->in[R],
	                      recurrence_in(n, LENGTHS)))
		return false;
	Recurrence r = recurrence(n);
	infer_like(n, DZ, STATES);
	recurrence_output(n, DH0, recurrence_state(&r));
	return recurrence_input(u, n, R, n->in[R]->shape) &&
	       recurrence_input(u, n, DH, recurrence_state(&r)) &&
	       recurrence_input(u, n, DSTATES, recurrence_states(&r));
}

static Product product(const Recurrence *r, Index time)
{
	const Node *n = r->node;
	Index at = recurrence_line(r, time, r->width);
	Product p = recurrence_product_back(r, n->out[DZ], at, r->width,
	                                    n->in[R], 0, r->width,
	                                    (Matrix){.v = n->out[DH0]});
	p.add = r->lengths != NULL;
	return p;
}

static int64_t workspace(const Node *n)
{
	Recurrence r = recurrence(n);
	Product p = product(&r, k_const(0));
	return product_workspace(&p);
}

static Expr *slope(Kernel *k, const Node *n, Expr *h)
{
	return *n->attr[ACTIVATION].s == 'T'
	       ? cell_tanh_slope(k, h)
	       : k_sel(k, k_gt(k, h, k_num(k, 0)), k_typed(k, h->type, 1),
	               k_num(k, 0));
}

static void step(Kernel *k, const Recurrence *r, int s)
{
	const Node *n = r->node;
	Cell c = cell_open(k, r, recurrence_time_back(r, s));
	Expr *d = cell_gradient(k, &c, n->out[DH0], recurrence_in(n, DSTATES));
	Expr *h = cell_bind(k, k_load_flat(k, n->in[STATES], cell_step(&c)));
	Expr *dz = k_mul(k, d, slope(k, n, h));
	k_store_flat(k, n->out[DZ], cell_step(&c),
	             cell_select(k, &c, dz, k_num(k, 0)));
	if (r->lengths)
		k_store_flat(k, n->out[DH0], cell_state(&c),
		             cell_select(k, &c, k_num(k, 0), d));
	cell_close(k);
}

static void lower(Kernel *k, const Node *n)
{
	Recurrence r = recurrence(n);
	recurrence_start(k, &r, n->out[DH0], recurrence_in(n, DH));
	int s = k_for(k, r.steps);
	Product p = product(&r, recurrence_time_back(&r, s));
	step(k, &r, s);
	k_product(k, &p);
	k_end(k);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return recurrence_parts(n, part, 1u << R, out);
}

const OpDef op_RNNRecurrenceGrad = {
	.name = "RNNRecurrenceGrad", .min_in = 2, .max_in = 5,
	.min_out = 2, .max_out = 2,
	ATTRS(RECURRENCE_ATTRS,
	      [ACTIVATION] = {"activation", ATTR_STRING, true, .s = "Tanh"}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.parts = parts,
	EXAMPLES({.nin = 5, .nout = 2,
	          .in = {{DIMS(4, 3, 2), .lo = -1, .hi = 1}, {DIMS(2, 2)},
	                 {DIMS(3), DT_I32, 1, 4}, {DIMS(3, 2)},
	                 {DIMS(4, 3, 2)}}},
	         {.nin = 4, .nout = 2,
	          .in = {{DIMS(4, 3, 16), .lo = -1, .hi = 1},
	                 {DIMS(16, 16), .lo = -.3, .hi = .3},
	                 {.absent = true}, {DIMS(3, 16)}},
	          .attr = {{"reverse", 1}, {"activation", .s = "Relu"}}},
	         {.nin = 5, .nout = 2,
	          .in = {{DIMS(4, 3, 2), .lo = -1, .hi = 1}, {DIMS(2, 2)},
	                 {DIMS(4), DT_I32, 1, 3}, {DIMS(4, 2)},
	                 {DIMS(4, 3, 2)}},
	          .attr = {{"layout", 1}}}),
};

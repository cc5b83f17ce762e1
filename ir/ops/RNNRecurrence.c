/*
 * RNNRecurrence(Z, R, lengths, h0): h' = f(Z + h R^T) at every step, where f is
 * Tanh or Relu; see ir/recurrence.h. Outputs: the last h, which holds the
 * running one, the states, and the product of a step. The gradient of f is
 * known from the states.
 */
#include "ir/recurrence.h"

#include <string.h>

enum { Z, R, LENGTHS, H0 };
enum { H, STATES, PRODUCT, NOUT };
enum { ACTIVATION = RECURRENCE_NATTRS };

static Recurrence recurrence(const Node *n)
{
	return recurrence_of(n, n->in[Z], 1, recurrence_in(n, LENGTHS));
}

static bool infer(Unit *u, Node *n)
{
	const char *f = n->attr[ACTIVATION].s;
	if (!recurrence_infer(u, n, n->in[Z], 1, n->in[R],
	                      recurrence_in(n, LENGTHS)))
		return false;
	if (strcmp(f, "Tanh") && strcmp(f, "Relu")) {
		error_at(u, n->loc, "its activation is '%s', expected Tanh or "
		         "Relu", f);
		return false;
	}
	Recurrence r = recurrence(n);
	recurrence_output(n, H, recurrence_state(&r));
	recurrence_output(n, STATES, recurrence_states(&r));
	recurrence_output(n, PRODUCT, recurrence_state(&r));
	return recurrence_input(u, n, R, n->in[R]->shape) &&
	       recurrence_input(u, n, H0, recurrence_state(&r));
}

static Product product(const Recurrence *r)
{
	const Node *n = r->node;
	return recurrence_product(r, n->out[H], k_const(0), n->in[R], 0,
	                          r->width, (Matrix){.v = n->out[PRODUCT]});
}

static int64_t workspace(const Node *n)
{
	Recurrence r = recurrence(n);
	Product p = product(&r);
	return product_workspace(&p);
}

static Expr *activate(Kernel *k, const Node *n, Expr *x)
{
	return *n->attr[ACTIVATION].s == 'T' ? k_tanh(k, x)
	                                     : k_max(k, x, k_num(k, 0));
}

static void step(Kernel *k, const Recurrence *r, Index time)
{
	const Node *n = r->node;
	Cell c = cell_open(k, r, time);
	Expr *old = cell_bind(k, k_load_flat(k, n->out[H], cell_state(&c)));
	Expr *h = k_add(k, k_load_flat(k, n->in[Z], cell_step(&c)),
	                k_load_flat(k, n->out[PRODUCT], cell_state(&c)));
	h = cell_bind(k, cell_select(k, &c, activate(k, n, h), old));
	k_store_flat(k, n->out[H], cell_state(&c), h);
	k_store_flat(k, n->out[STATES], cell_step(&c), h);
	cell_close(k);
}

static void lower(Kernel *k, const Node *n)
{
	Recurrence r = recurrence(n);
	Product p = product(&r);
	recurrence_start(k, &r, n->out[H], recurrence_in(n, H0));
	int s = k_for(k, r.steps);
	k_product(k, &p);
	step(k, &r, recurrence_time(&r, s));
	k_end(k);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *d = NEW(g, n->loc, op_RNNRecurrenceGrad, n->out[STATES], n->in[R],
	              recurrence_in(n, LENGTHS), dy[H], dy[STATES]);
	node_copy_attrs(g, d, n);
	dx[Z] = node_done(g, d);
	if (want[R]) {
		Node *w = NEW(g, n->loc, op_RecurrenceGradWeight, dx[Z],
		              n->out[STATES], recurrence_in(n, H0));
		node_copy_attrs(g, w, n);
		dx[R] = node_done(g, w);
	}
	if (n->nin > H0)
		dx[H0] = d->out[1];
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return recurrence_parts(n, part, 1u << R, out);
}

const OpDef op_RNNRecurrence = {
	.name = "RNNRecurrence", .min_in = 2, .max_in = 4,
	.min_out = NOUT, .max_out = NOUT, .active = 2,
	ATTRS(RECURRENCE_ATTRS,
	      [ACTIVATION] = {"activation", ATTR_STRING, true, .s = "Tanh"}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.workspace = workspace,
	.parts = parts,
	EXAMPLES({.nout = NOUT, .in = {{DIMS(3, 2, 4)}, {DIMS(4, 4)}}},
	         {.nin = 4, .nout = NOUT,
	          .in = {{DIMS(4, 3, 2)}, {DIMS(2, 2)},
	                 {DIMS(3), DT_I32, 1, 4}, {DIMS(3, 2)}},
	          .attr = {{"reverse", 1}}},
	         {.nin = 4, .nout = NOUT,
	          .in = {{DIMS(3, 4, 16)},
	                 {DIMS(16, 16), .lo = -.3, .hi = .3}, {.absent = true},
	                 {DIMS(4, 16)}},
	          .attr = {{"activation", .s = "Relu"}}},
	         {.nout = NOUT,
	          .in = {{DIMS(2, 1, 2), DT_F64}, {DIMS(2, 2), DT_F64}},
	          .attr = {{"activation", .s = "Relu"}}},
	         {.nin = 4, .nout = NOUT,
	          .in = {{DIMS(4, 3, 2)}, {DIMS(2, 2)},
	                 {DIMS(4), DT_I32, 1, 3}, {DIMS(4, 2)}},
	          .attr = {{"layout", 1}, {"reverse", 1}}}),
};

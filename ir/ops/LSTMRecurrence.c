/*
 * LSTMRecurrence(Z, R, lengths, h0, c0, P): the recursion of an LSTM
 * (Hochreiter and Schmidhuber, 1997; with forget gates and peepholes), see
 * ir/recurrence.h. Gates i, o, f, c; peepholes P[3 H] for i, o, f:
 *
 *   i = sigmoid(Z_i + h R_i^T + P_i c)      f = sigmoid(Z_f + h R_f^T + P_f c)
 *   g = tanh(Z_c + h R_c^T)                 c' = f c + i g
 *   o = sigmoid(Z_o + h R_o^T + P_o c')     h' = o tanh(c')
 *
 * Outputs: the last h and c, which hold the running ones, the states, the
 * product of a step, and for the gradient the cells c' and the gates.
 */
#include "ir/recurrence.h"

enum { Z, R, LENGTHS, H0, C0, P };
enum { H, C, STATES, PRODUCT, CELLS, GATES, NOUT };
enum { IN, OUT, FORGET, CELL, NGATES };

static Recurrence recurrence(const Node *n)
{
	return recurrence_of(n, n->in[Z], NGATES, recurrence_in(n, LENGTHS));
}

static bool infer(Unit *u, Node *n)
{
	if (!recurrence_infer(u, n, n->in[Z], NGATES, n->in[R],
	                      recurrence_in(n, LENGTHS)))
		return false;
	Recurrence r = recurrence(n);
	recurrence_output(n, H, recurrence_state(&r));
	recurrence_output(n, C, recurrence_state(&r));
	recurrence_output(n, STATES, recurrence_states(&r));
	recurrence_output(n, PRODUCT, (Shape){2, {r.batch, r.width}});
	if (recurrence_saved(n, CELLS))
		recurrence_output(n, CELLS, recurrence_states(&r));
	if (recurrence_saved(n, GATES))
		recurrence_output(n, GATES, n->in[Z]->shape);
	return recurrence_input(u, n, R, n->in[R]->shape) &&
	       recurrence_input(u, n, H0, recurrence_state(&r)) &&
	       recurrence_input(u, n, C0, recurrence_state(&r)) &&
	       recurrence_input(u, n, P, (Shape){1, {3 * r.hidden}});
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

/* Z and the state's part of it. */
static Expr *input(Kernel *k, const Cell *c, int gate)
{
	const Node *n = c->r->node;
	return k_add(k, k_load_flat(k, n->in[Z], cell_gate(c, gate)),
	             k_load_flat(k, n->out[PRODUCT], cell_product(c, gate)));
}

static Expr *peep(Kernel *k, const Cell *c, int gate, Expr *x, Expr *cell)
{
	const Value *p = recurrence_in(c->r->node, P);
	if (!p)
		return x;
	Index at = k_plus(k_at(c->j), gate * c->r->hidden);
	return k_add(k, x, k_mul(k, k_load_flat(k, p, at), cell));
}

static void store_saved(Kernel *k, const Cell *c, Expr *const gate[],
                        Expr *cell)
{
	const Node *n = c->r->node;
	if (recurrence_saved(n, CELLS))
		k_store_flat(k, n->out[CELLS], cell_step(c), cell);
	for (int g = 0; recurrence_saved(n, GATES) && g < NGATES; g++)
		k_store_flat(k, n->out[GATES], cell_gate(c, g), gate[g]);
}

static void step(Kernel *k, const Recurrence *r, Index time)
{
	const Node *n = r->node;
	Cell c = cell_open(k, r, time);
	Expr *gate[NGATES];
	Expr *old_h = cell_bind(k, k_load_flat(k, n->out[H], cell_state(&c)));
	Expr *old = cell_bind(k, k_load_flat(k, n->out[C], cell_state(&c)));
	for (int g = 0; g < NGATES; g++)
		gate[g] = cell_bind(k, input(k, &c, g));
	gate[IN] = cell_bind(k, cell_sigmoid(k, peep(k, &c, 0, gate[IN], old)));
	gate[FORGET] = cell_bind(k, cell_sigmoid(k, peep(k, &c, 2, gate[FORGET],
	                                                 old)));
	gate[CELL] = cell_bind(k, k_tanh(k, gate[CELL]));
	Expr *cell = cell_bind(k, k_add(k, k_mul(k, gate[FORGET], old),
	                                k_mul(k, gate[IN], gate[CELL])));
	gate[OUT] = cell_bind(k, cell_sigmoid(k, peep(k, &c, 1, gate[OUT],
	                                              cell)));
	Expr *h = k_mul(k, gate[OUT], k_tanh(k, cell));
	h = cell_bind(k, cell_select(k, &c, h, old_h));
	cell = cell_bind(k, cell_select(k, &c, cell, old));
	k_store_flat(k, n->out[H], cell_state(&c), h);
	k_store_flat(k, n->out[C], cell_state(&c), cell);
	k_store_flat(k, n->out[STATES], cell_step(&c), h);
	store_saved(k, &c, gate, cell);
	cell_close(k);
}

static void lower(Kernel *k, const Node *n)
{
	Recurrence r = recurrence(n);
	Product p = product(&r);
	recurrence_start(k, &r, n->out[H], recurrence_in(n, H0));
	recurrence_start(k, &r, n->out[C], recurrence_in(n, C0));
	int s = k_for(k, r.steps);
	k_product(k, &p);
	step(k, &r, recurrence_time(&r, s));
	k_end(k);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Recurrence r = recurrence(n);
	bool peepholes = recurrence_in(n, P) != NULL;
	recurrence_save(g, n, NOUT, (Shape[]){
		[CELLS] = recurrence_states(&r), [GATES] = n->in[Z]->shape});
	Node *d = NEW(g, n->loc, op_LSTMRecurrenceGrad, n->out[GATES],
	              n->out[CELLS], n->in[R], recurrence_in(n, LENGTHS),
	              recurrence_in(n, C0), recurrence_in(n, P), dy[H], dy[C],
	              dy[STATES]);
	node_copy_attrs(g, d, n);
	node_set_outputs(g, d, peepholes ? 4 : 3);
	dx[Z] = node_done(g, d);
	if (want[R]) {
		Node *w = NEW(g, n->loc, op_RecurrenceGradWeight, dx[Z],
		              n->out[STATES], recurrence_in(n, H0));
		node_copy_attrs(g, w, n);
		dx[R] = node_done(g, w);
	}
	for (int i = H0; i < n->nin; i++)
		if (want[i])
			dx[i] = d->out[i - H0 + 1];
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return recurrence_parts(n, part, 1u << R | 1u << P, out);
}

const OpDef op_LSTMRecurrence = {
	.name = "LSTMRecurrence", .min_in = 2, .max_in = 6,
	.min_out = 4, .max_out = NOUT, .active = 3,
	ATTRS(RECURRENCE_ATTRS),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.workspace = workspace,
	.parts = parts,
	EXAMPLES({.nout = 4, .in = {{DIMS(3, 2, 12)}, {DIMS(12, 3)}}},
	         {.nin = 5, .nout = 6,
	          .in = {{DIMS(4, 3, 8)}, {DIMS(8, 2)},
	                 {DIMS(3), DT_I32, 1, 4}, {DIMS(3, 2)}, {DIMS(3, 2)}},
	          .attr = {{"reverse", 1}, {"order", INTS(0, 3, 1, 2)}}},
	         {.nin = 6, .nout = 4,
	          .in = {{DIMS(4, 2, 8)}, {DIMS(8, 2)}, {.absent = true},
	                 {DIMS(2, 2)}, {DIMS(2, 2)}, {DIMS(6)}}},
	         {.nin = 6, .nout = 4,
	          .in = {{DIMS(2, 1, 4)}, {DIMS(4, 1)},
	                 {DIMS(1), DT_I32, 1, 1}, {.absent = true},
	                 {.absent = true}, {DIMS(3)}}},
	         {.nout = 6,
	          .in = {{DIMS(2, 5, 64)}, {DIMS(64, 16), .lo = -.3, .hi = .3}},
	          .attr = {{"reverse", 1}}},
	         {.nin = 6, .nout = 6,
	          .in = {{DIMS(4, 3, 8)}, {DIMS(8, 2)},
	                 {DIMS(4), DT_I32, 1, 3}, {DIMS(4, 2)}, {DIMS(4, 2)},
	                 {DIMS(6)}},
	          .attr = {{"layout", 1}}},
	         {.nout = 6,
	          .in = {{DIMS(4, 3, 64)}, {DIMS(64, 16), .lo = -.3, .hi = .3}},
	          .attr = {{"layout", 1}, {"reverse", 1}}}),
};

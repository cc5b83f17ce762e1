/*
 * GRURecurrence(Z, R, lengths, h0, b): the recursion of a GRU (Cho et al.,
 * "Learning Phrase Representations using RNN Encoder-Decoder", 2014), see
 * ir/recurrence.h. Gates z, r, n; n is the last block:
 *
 *   z = sigmoid(Z_z + h R_z^T + b_z)        r = sigmoid(Z_r + h R_r^T + b_r)
 *   n = tanh(Z_n + (r h) R_n^T + b_n)       h' = (1 - z) n + z h
 *
 * or, with linear_before_reset, n = tanh(Z_n + r (h R_n^T + b_n)); the other
 * form has no use for b, which is part of Z there.
 *
 * Outputs: the last h, which holds the running one, the states, the products of
 * a step, and for the gradient the gates.
 */
#include "ir/recurrence.h"

enum { Z, R, LENGTHS, H0, B };
enum { H, STATES, PRODUCT, GATES, NOUT };
enum { UPDATE, RESET, NEW, NGATES };
enum { LINEAR_BEFORE_RESET = RECURRENCE_NATTRS };

static Recurrence recurrence(const Node *n)
{
	return recurrence_of(n, n->in[Z], NGATES, recurrence_in(n, LENGTHS));
}

static bool linear(const Node *n)
{
	return attr_int(n, LINEAR_BEFORE_RESET) != 0;
}

static bool check(Unit *u, const Node *n, const Recurrence *r)
{
	if (r->block[NEW] != 2 * r->hidden) {
		error_at(u, n->loc, "the new gate is not the last of 'order'");
		return false;
	}
	if (recurrence_in(n, B) && !linear(n)) {
		error_at(u, n->loc, "has a bias of its own but not "
		         "linear_before_reset");
		return false;
	}
	return recurrence_input(u, n, R, n->in[R]->shape) &&
	       recurrence_input(u, n, H0, recurrence_state(r)) &&
	       recurrence_input(u, n, B, (Shape){1, {r->width}});
}

/* The products: [N,3 H]; or of as many elements as [N,4 H], [N,2 H] of z and r,
 * then r h and its own. */
static bool infer(Unit *u, Node *n)
{
	if (!recurrence_infer(u, n, n->in[Z], NGATES, n->in[R],
	                      recurrence_in(n, LENGTHS)))
		return false;
	Recurrence r = recurrence(n);
	recurrence_output(n, H, recurrence_state(&r));
	recurrence_output(n, STATES, recurrence_states(&r));
	recurrence_output(n, PRODUCT, (Shape){2, {r.batch, (linear(n) ? 3 : 4) *
	                                          r.hidden}});
	if (recurrence_saved(n, GATES))
		recurrence_output(n, GATES, n->in[Z]->shape);
	return check(u, n, &r);
}

/* Of h with the first `count` rows of R. */
static Product product(const Recurrence *r, int64_t count)
{
	const Node *n = r->node;
	return recurrence_product(r, n->out[H], k_const(0), n->in[R], 0, count,
	                          (Matrix){.v = n->out[PRODUCT]});
}

static int64_t workspace(const Node *n)
{
	Recurrence r = recurrence(n);
	Product p = product(&r, r.width);
	return product_workspace(&p);
}

static Expr *input(Kernel *k, const Cell *c, int gate)
{
	return k_load_flat(k, c->r->node->in[Z], cell_gate(c, gate));
}

static Expr *bias(Kernel *k, const Cell *c, int gate, Expr *x)
{
	const Value *b = recurrence_in(c->r->node, B);
	Index at = k_plus(k_at(c->j), c->r->block[gate]);
	return b ? k_add(k, x, k_load_flat(k, b, at)) : x;
}

static void store_gate(Kernel *k, const Cell *c, int gate, Expr *x)
{
	const Node *n = c->r->node;
	if (recurrence_saved(n, GATES))
		k_store_flat(k, n->out[GATES], cell_gate(c, gate), x);
}

/* h' = n + z (h - n) */
static void store_state(Kernel *k, const Cell *c, Expr *z, Expr *new, Expr *old)
{
	const Node *n = c->r->node;
	Expr *h = k_add(k, new, k_mul(k, z, k_sub(k, old, new)));
	h = cell_bind(k, cell_select(k, c, h, old));
	k_store_flat(k, n->out[H], cell_state(c), h);
	k_store_flat(k, n->out[STATES], cell_step(c), h);
}

/* ---- linear_before_reset: one product, one loop ---- */

static void linear_step(Kernel *k, const Recurrence *r, Index time)
{
	const Node *n = r->node;
	Product p = product(r, r->width);
	k_product(k, &p);
	Cell c = cell_open(k, r, time);
	Expr *gate[NGATES];
	Expr *old = cell_bind(k, k_load_flat(k, n->out[H], cell_state(&c)));
	for (int g = 0; g < NGATES; g++) {
		Expr *own = k_load_flat(k, n->out[PRODUCT],
		                        cell_product(&c, g));
		own = bias(k, &c, g, own);
		if (g == NEW)
			own = k_mul(k, gate[RESET], own);
		own = cell_bind(k, k_add(k, input(k, &c, g), own));
		gate[g] = cell_bind(k, g == NEW ? k_tanh(k, own)
		                                : cell_sigmoid(k, own));
	}
	for (int g = 0; g < NGATES; g++)
		store_gate(k, &c, g, gate[g]);
	store_state(k, &c, gate[UPDATE], gate[NEW], old);
	cell_close(k);
}

/* ---- the other form: n needs r of all units first ---- */

/* Where the products of z and r are, in [N,2 H]. */
static Index pair_at(const Cell *c, int gate)
{
	int64_t line = 2 * c->r->hidden;
	return k_plus(k_sum(k_scaled(k_at(c->n), line), k_at(c->j)),
	              c->r->block[gate]);
}

/* Behind those: r h, and the product of it. */
static Index part_at(const Cell *c, int part)
{
	return k_plus(cell_state(c), part * c->r->batch * c->r->hidden);
}

static void reset_states(Kernel *k, const Recurrence *r, Index time)
{
	const Value *product = r->node->out[PRODUCT], *h = r->node->out[H];
	Cell c = cell_open(k, r, time);
	Expr *gate[2];
	for (int g = UPDATE; g <= RESET; g++) {
		Expr *x = k_add(k, input(k, &c, g),
		                k_load_flat(k, product, pair_at(&c, g)));
		gate[g] = cell_bind(k, cell_sigmoid(k, x));
		store_gate(k, &c, g, gate[g]);
	}
	k_store_flat(k, product, pair_at(&c, UPDATE), gate[UPDATE]);
	k_store_flat(k, product, part_at(&c, 2),
	             k_mul(k, gate[RESET], k_load_flat(k, h, cell_state(&c))));
	cell_close(k);
}

static void new_states(Kernel *k, const Recurrence *r, Index time)
{
	const Value *product = r->node->out[PRODUCT], *h = r->node->out[H];
	Cell c = cell_open(k, r, time);
	Expr *new = k_add(k, input(k, &c, NEW),
	                  k_load_flat(k, product, part_at(&c, 3)));
	new = cell_bind(k, k_tanh(k, new));
	store_gate(k, &c, NEW, new);
	Expr *z = cell_bind(k, k_load_flat(k, product, pair_at(&c, UPDATE)));
	Expr *old = cell_bind(k, k_load_flat(k, h, cell_state(&c)));
	store_state(k, &c, z, new, old);
	cell_close(k);
}

static void reset_step(Kernel *k, const Recurrence *r, Index time)
{
	const Node *n = r->node;
	int64_t part = r->batch * r->hidden;
	Product gates = product(r, 2 * r->hidden);
	Product own = recurrence_product(
		r, n->out[PRODUCT], k_const(2 * part), n->in[R], 2 * r->hidden,
		r->hidden, (Matrix){n->out[PRODUCT], k_const(3 * part)});
	k_product(k, &gates);
	reset_states(k, r, time);
	k_product(k, &own);
	new_states(k, r, time);
}

static void lower(Kernel *k, const Node *n)
{
	Recurrence r = recurrence(n);
	recurrence_start(k, &r, n->out[H], recurrence_in(n, H0));
	int s = k_for(k, r.steps);
	(linear(n) ? linear_step : reset_step)(k, &r, recurrence_time(&r, s));
	k_end(k);
}

/* ---- the gradient ---- */

static Value *sum_lines(Graph *g, Node *n, Value *v)
{
	Node *sum = NEW(g, n->loc, op_SumTo, v);
	node_set_ints(g, sum, "shape", 1, &v->shape.dim[2]);
	return node_done(g, sum);
}

/* b sees the gates but for n, whose product sees dreset. */
static Value *grad_bias(Graph *g, Node *n, Value *dz, Value *dreset)
{
	int64_t start = 0, end = 2 * dreset->shape.dim[2];
	Node *gates = NEW(g, n->loc, op_Slice, sum_lines(g, n, dz));
	node_set_ints(g, gates, "starts", 1, &start);
	node_set_ints(g, gates, "ends", 1, &end);
	Node *both = NEW(g, n->loc, op_Concat, node_done(g, gates),
	                 sum_lines(g, n, dreset));
	node_set_int(g, both, "axis", 0);
	return node_done(g, both);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	recurrence_save(g, n, NOUT, (Shape[]){[GATES] = n->in[Z]->shape});
	Node *d = NEW(g, n->loc, op_GRURecurrenceGrad, n->out[GATES],
	              n->out[STATES], n->in[R], recurrence_in(n, LENGTHS),
	              recurrence_in(n, H0), recurrence_in(n, B), dy[H],
	              dy[STATES]);
	node_copy_attrs(g, d, n);
	dx[Z] = node_done(g, d);
	if (want[R]) {
		Node *w = NEW(g, n->loc, op_RecurrenceGradWeight, dx[Z],
		              n->out[STATES], recurrence_in(n, H0), d->out[1]);
		node_copy_attrs(g, w, n);
		dx[R] = node_done(g, w);
	}
	if (n->nin > H0)
		dx[H0] = d->out[2];
	if (n->nin > B && want[B])
		dx[B] = grad_bias(g, n, dx[Z], d->out[1]);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return recurrence_parts(n, part, 1u << R | 1u << B, out);
}

const OpDef op_GRURecurrence = {
	.name = "GRURecurrence", .min_in = 2, .max_in = 5,
	.min_out = 3, .max_out = NOUT, .active = 2,
	ATTRS(RECURRENCE_ATTRS,
	      [LINEAR_BEFORE_RESET] = {"linear_before_reset", ATTR_INT, true,
	                               0}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.workspace = workspace,
	.parts = parts,
	EXAMPLES({.nout = 3, .in = {{DIMS(3, 2, 9)}, {DIMS(9, 3)}}},
	         {.nin = 5, .nout = 4,
	          .in = {{DIMS(4, 3, 6)}, {DIMS(6, 2)},
	                 {DIMS(3), DT_I32, 1, 4}, {DIMS(3, 2)}, {DIMS(6)}},
	          .attr = {{"reverse", 1}, {"order", INTS(1, 0, 2)},
	                   {"linear_before_reset", 1}}},
	         {.nin = 4, .nout = 4,
	          .in = {{DIMS(4, 3, 6)}, {DIMS(6, 2)},
	                 {DIMS(3), DT_I32, 1, 4}, {DIMS(3, 2)}},
	          .attr = {{"reverse", 1}, {"order", INTS(1, 0, 2)}}},
	         {.nout = 4,
	          .in = {{DIMS(2, 5, 48)}, {DIMS(48, 16), .lo = -.3, .hi = .3}},
	          .attr = {{"linear_before_reset", 1}}},
	         {.nout = 4,
	          .in = {{DIMS(2, 5, 48)},
	                 {DIMS(48, 16), .lo = -.3, .hi = .3}}},
	         {.nin = 5, .nout = 4,
	          .in = {{DIMS(4, 3, 6)}, {DIMS(6, 2)},
	                 {DIMS(4), DT_I32, 1, 3}, {DIMS(4, 2)}, {DIMS(6)}},
	          .attr = {{"layout", 1}, {"linear_before_reset", 1}}},
	         {.nin = 4, .nout = 4,
	          .in = {{DIMS(4, 3, 48)},
	                 {DIMS(48, 16), .lo = -.3, .hi = .3},
	                 {.absent = true}, {DIMS(4, 16)}},
	          .attr = {{"layout", 1}, {"reverse", 1}}}),
};

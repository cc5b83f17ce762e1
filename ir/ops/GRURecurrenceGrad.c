/*
 * GRURecurrenceGrad: back through the steps of GRURecurrence, which see. With d
 * the gradient of h' on arrival:
 *
 *   dz = d (h - n) z (1 - z)     dn = d (1 - z) (1 - n^2)     d' = d z
 *
 * and then, with q = h R_n^T + b_n computed again for linear_before_reset,
 *
 *   dr = dn q r (1 - r)          d' += (dz, dr) R_zr + (dn r) R_n
 *
 * or without, where u = dn R_n is the gradient of the reset state r h,
 *
 *   dr = u h r (1 - r)           d' += (dz, dr) R_zr + u r
 *
 * Inputs: gates, states, R, lengths, h0, b, and the gradients of the last h and
 * of the states. Outputs: the gradients of Z, which may be written over the
 * gates; what RecurrenceGradWeight calls the reset part, dn r or r h, which may
 * be written over the states' gradient; the gradient of h0, which holds the
 * running d; and h and q, or u, of a step.
 */
#include "ir/recurrence.h"

enum { GATES, STATES, R, LENGTHS, H0, B, DH, DSTATES };
enum { DZ, PART, DH0, STEP, NOUT };
enum { UPDATE, RESET, NEW, NGATES };
enum { LINEAR_BEFORE_RESET = RECURRENCE_NATTRS };

static Recurrence recurrence(const Node *n)
{
	return recurrence_of(n, n->in[GATES], NGATES,
	                     recurrence_in(n, LENGTHS));
}

static bool linear(const Node *n)
{
	return attr_int(n, LINEAR_BEFORE_RESET) != 0;
}

static bool infer(Unit *u, Node *n)
{
	if (!recurrence_infer(u, n, n->in[GATES], NGATES, n->in[R],
	                      recurrence_in(n, LENGTHS)))
		return false;
	Recurrence r = recurrence(n);
	infer_like(n, DZ, GATES);
	infer_like(n, PART, STATES);
	recurrence_output(n, DH0, recurrence_state(&r));
	recurrence_output(n, STEP, (Shape){2, {r.batch, (linear(n) ? 2 : 1) *
	                                       r.hidden}});
	return recurrence_input(u, n, R, n->in[R]->shape) &&
	       recurrence_input(u, n, STATES, recurrence_states(&r)) &&
	       recurrence_input(u, n, H0, recurrence_state(&r)) &&
	       recurrence_input(u, n, B, (Shape){1, {r.width}}) &&
	       recurrence_input(u, n, DH, recurrence_state(&r)) &&
	       recurrence_input(u, n, DSTATES, recurrence_states(&r));
}

/* d' += (dz, dr) R_zr */
static Product product(const Recurrence *r, Index time)
{
	const Node *n = r->node;
	Index at = recurrence_line(r, time, r->width);
	return recurrence_product_back(r, n->out[DZ], at, r->width, n->in[R], 0,
	                               2 * r->hidden,
	                               (Matrix){.v = n->out[DH0]});
}

static int64_t workspace(const Node *n)
{
	Recurrence r = recurrence(n);
	Product p = product(&r, k_const(0));
	return product_workspace(&p);
}

static Expr *gate(Kernel *k, const Cell *c, int g)
{
	const Value *gates = c->r->node->in[GATES];
	return cell_bind(k, k_load_flat(k, gates, cell_gate(c, g)));
}

static void store_gate(Kernel *k, const Cell *c, int g, Expr *x)
{
	k_store_flat(k, c->r->node->out[DZ], cell_gate(c, g), x);
}

static Expr *grad_update(Kernel *k, const Cell *c, Expr *d, Expr *h, Expr *z,
                         Expr *new)
{
	Expr *x = k_mul(k, k_mul(k, d, k_sub(k, h, new)),
	                cell_sigmoid_slope(k, z));
	return cell_bind(k, cell_select(k, c, x, k_num(k, 0)));
}

static Expr *grad_new(Kernel *k, const Cell *c, Expr *d, Expr *z, Expr *new)
{
	Expr *x = k_mul(k, k_mul(k, d, k_sub(k, k_num(k, 1), z)),
	                cell_tanh_slope(k, new));
	return cell_bind(k, cell_select(k, c, x, k_num(k, 0)));
}

static Expr *previous(Kernel *k, const Cell *c, int s)
{
	const Node *n = c->r->node;
	return cell_previous(k, c, s, n->in[STATES], recurrence_in(n, H0));
}

/* ---- linear_before_reset ---- */

/* STEP = h, then q without its bias. */
static void linear_products(Kernel *k, const Recurrence *r, int s)
{
	const Node *n = r->node;
	int64_t part = r->batch * r->hidden;
	Product p = recurrence_product(r, n->out[STEP], k_const(0), n->in[R],
	                               2 * r->hidden, r->hidden,
	                               (Matrix){n->out[STEP], k_const(part)});
	Cell c = cell_open(k, r, recurrence_time_back(r, s));
	k_store_flat(k, n->out[STEP], cell_state(&c), previous(k, &c, s));
	cell_close(k);
	k_product(k, &p);
}

static Expr *linear_part(Kernel *k, const Cell *c)
{
	const Recurrence *r = c->r;
	const Value *step = r->node->out[STEP], *b = recurrence_in(r->node, B);
	Index at = k_plus(cell_state(c), r->batch * r->hidden);
	Expr *q = k_load_flat(k, step, at);
	if (b)
		q = k_add(k, q, k_load_flat(k, b, k_plus(k_at(c->j),
		                                         r->block[NEW])));
	return cell_bind(k, q);
}

static void linear_cells(Kernel *k, const Recurrence *r, int s)
{
	const Node *n = r->node;
	Cell c = cell_open(k, r, recurrence_time_back(r, s));
	Expr *d = cell_gradient(k, &c, n->out[DH0], recurrence_in(n, DSTATES));
	Expr *z = gate(k, &c, UPDATE), *reset = gate(k, &c, RESET);
	Expr *new = gate(k, &c, NEW), *q = linear_part(k, &c);
	Expr *h = k_load_flat(k, n->out[STEP], cell_state(&c));
	Expr *dz = grad_update(k, &c, d, h, z, new);
	Expr *dn = grad_new(k, &c, d, z, new);
	store_gate(k, &c, UPDATE, dz);
	store_gate(k, &c, RESET, k_mul(k, k_mul(k, dn, q),
	                               cell_sigmoid_slope(k, reset)));
	store_gate(k, &c, NEW, dn);
	k_store_flat(k, n->out[PART], cell_step(&c), k_mul(k, dn, reset));
	k_store_flat(k, n->out[DH0], cell_state(&c),
	             cell_select(k, &c, k_mul(k, d, z), d));
	cell_close(k);
}

static void linear_step(Kernel *k, const Recurrence *r, int s)
{
	const Node *n = r->node;
	Index time = recurrence_time_back(r, s);
	Product gates = product(r, time);
	Index at = recurrence_line(r, time, r->hidden);
	Product part = recurrence_product_back(
		r, n->out[PART], at, r->hidden, n->in[R], 2 * r->hidden,
		r->hidden, (Matrix){.v = n->out[DH0]});
	linear_products(k, r, s);
	linear_cells(k, r, s);
	k_product(k, &gates);
	k_product(k, &part);
}

/* ---- the other form ---- */

/* All that does not need u; the running d stays for what does. */
static void reset_gates(Kernel *k, const Recurrence *r, int s)
{
	const Node *n = r->node;
	Cell c = cell_open(k, r, recurrence_time_back(r, s));
	Expr *d = cell_gradient(k, &c, n->out[DH0], recurrence_in(n, DSTATES));
	Expr *z = gate(k, &c, UPDATE), *new = gate(k, &c, NEW);
	Expr *h = previous(k, &c, s);
	store_gate(k, &c, UPDATE, grad_update(k, &c, d, h, z, new));
	store_gate(k, &c, NEW, grad_new(k, &c, d, z, new));
	k_store_flat(k, n->out[DH0], cell_state(&c), d);
	cell_close(k);
}

static void reset_cells(Kernel *k, const Recurrence *r, int s)
{
	const Node *n = r->node;
	Cell c = cell_open(k, r, recurrence_time_back(r, s));
	Expr *d = cell_bind(k, k_load_flat(k, n->out[DH0], cell_state(&c)));
	Expr *u = cell_bind(k, k_load_flat(k, n->out[STEP], cell_state(&c)));
	Expr *z = gate(k, &c, UPDATE), *reset = gate(k, &c, RESET);
	Expr *h = previous(k, &c, s);
	store_gate(k, &c, RESET, k_mul(k, k_mul(k, u, h),
	                               cell_sigmoid_slope(k, reset)));
	k_store_flat(k, n->out[PART], cell_step(&c), k_mul(k, reset, h));
	Expr *before = k_add(k, k_mul(k, d, z), k_mul(k, u, reset));
	k_store_flat(k, n->out[DH0], cell_state(&c),
	             cell_select(k, &c, before, d));
	cell_close(k);
}

static void reset_step(Kernel *k, const Recurrence *r, int s)
{
	const Node *n = r->node;
	Index time = recurrence_time_back(r, s);
	Index at = k_plus(recurrence_line(r, time, r->width), r->block[NEW]);
	Product gates = product(r, time);
	Product u = recurrence_product_back(
		r, n->out[DZ], at, r->width, n->in[R], 2 * r->hidden, r->hidden,
		(Matrix){.v = n->out[STEP]});
	u.add = false;
	reset_gates(k, r, s);
	k_product(k, &u);
	reset_cells(k, r, s);
	k_product(k, &gates);
}

static void lower(Kernel *k, const Node *n)
{
	Recurrence r = recurrence(n);
	recurrence_start(k, &r, n->out[DH0], recurrence_in(n, DH));
	int s = k_for(k, r.steps);
	(linear(n) ? linear_step : reset_step)(k, &r, s);
	k_end(k);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return recurrence_parts(n, part, 1u << R | 1u << B, out);
}

const OpDef op_GRURecurrenceGrad = {
	.name = "GRURecurrenceGrad", .min_in = 3, .max_in = 8,
	.min_out = NOUT, .max_out = NOUT,
	ATTRS(RECURRENCE_ATTRS,
	      [LINEAR_BEFORE_RESET] = {"linear_before_reset", ATTR_INT, true,
	                               0}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.parts = parts,
	EXAMPLES({.nin = 8, .nout = NOUT,
	          .in = {{DIMS(4, 3, 6), .lo = 0.1, .hi = 0.9}, {DIMS(4, 3, 2)},
	                 {DIMS(6, 2)}, {DIMS(3), DT_I32, 1, 4}, {DIMS(3, 2)},
	                 {.absent = true}, {DIMS(3, 2)}, {DIMS(4, 3, 2)}}},
	         {.nin = 8, .nout = NOUT,
	          .in = {{DIMS(4, 3, 48), .lo = 0.1, .hi = 0.9},
	                 {DIMS(4, 3, 16)},
	                 {DIMS(48, 16), .lo = -.3, .hi = .3}, {.absent = true},
	                 {.absent = true}, {DIMS(48)}, {.absent = true},
	                 {DIMS(4, 3, 16)}},
	          .attr = {{"reverse", 1}, {"order", INTS(1, 0, 2)},
	                   {"linear_before_reset", 1}}},
	         {.nin = 8, .nout = NOUT,
	          .in = {{DIMS(4, 3, 6), .lo = 0.1, .hi = 0.9}, {DIMS(4, 3, 2)},
	                 {DIMS(6, 2)}, {DIMS(4), DT_I32, 1, 3}, {DIMS(4, 2)},
	                 {.absent = true}, {DIMS(4, 2)}, {DIMS(4, 3, 2)}},
	          .attr = {{"layout", 1}}},
	         {.nin = 8, .nout = NOUT,
	          .in = {{DIMS(4, 3, 48), .lo = 0.1, .hi = 0.9},
	                 {DIMS(4, 3, 16)},
	                 {DIMS(48, 16), .lo = -.3, .hi = .3}, {.absent = true},
	                 {.absent = true}, {DIMS(48)}, {.absent = true},
	                 {DIMS(4, 3, 16)}},
	          .attr = {{"layout", 1}, {"linear_before_reset", 1}}}),
};

/*
 * LSTMRecurrenceGrad: back through the steps of LSTMRecurrence, which see. With
 * d the gradient of h' and e that of c' on arrival:
 *
 *   do = d tanh(c') o (1 - o)       e += d o (1 - tanh(c')^2) + do P_o
 *   di = e g i (1 - i)              df = e c f (1 - f)
 *   dg = e i (1 - g^2)
 *   e' = e f + di P_i + df P_f      d' = (di, do, df, dg) R
 *
 * Inputs: gates, cells, R, lengths, c0, P, and the gradients of the last h, of
 * the last c and of the states. Outputs: the gradients of Z, which may be
 * written over the gates, of h0 and c0, which hold the running d and e, and of
 * P.
 */
#include "ir/recurrence.h"

enum { GATES, CELLS, R, LENGTHS, C0, P, DH, DC, DSTATES };
enum { DZ, DH0, DC0, DP };
enum { IN, OUT, FORGET, CELL, NGATES };

static Recurrence recurrence(const Node *n)
{
	return recurrence_of(n, n->in[GATES], NGATES,
	                     recurrence_in(n, LENGTHS));
}

static bool infer(Unit *u, Node *n)
{
	if (!recurrence_infer(u, n, n->in[GATES], NGATES, n->in[R],
	                      recurrence_in(n, LENGTHS)))
		return false;
	Recurrence r = recurrence(n);
	infer_like(n, DZ, GATES);
	recurrence_output(n, DH0, recurrence_state(&r));
	recurrence_output(n, DC0, recurrence_state(&r));
	if (recurrence_saved(n, DP))
		recurrence_output(n, DP, (Shape){1, {3 * r.hidden}});
	return recurrence_input(u, n, R, n->in[R]->shape) &&
	       recurrence_input(u, n, CELLS, recurrence_states(&r)) &&
	       recurrence_input(u, n, C0, recurrence_state(&r)) &&
	       recurrence_input(u, n, P, (Shape){1, {3 * r.hidden}}) &&
	       recurrence_input(u, n, DH, recurrence_state(&r)) &&
	       recurrence_input(u, n, DC, recurrence_state(&r)) &&
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

/* x P_gate, added to y. */
static Expr *peep(Kernel *k, const Cell *c, int gate, Expr *x, Expr *y)
{
	const Value *p = recurrence_in(c->r->node, P);
	if (!p)
		return y;
	Index at = k_plus(k_at(c->j), gate * c->r->hidden);
	return k_add(k, y, k_mul(k, x, k_load_flat(k, p, at)));
}

/* Peepholes see the cell before the step, that of o the one behind it. */
static void sum_peepholes(Kernel *k, const Cell *c, Expr *const dz[],
                          Expr *before, Expr *behind)
{
	const Value *dp = recurrence_saved(c->r->node, DP);
	Expr *seen[] = {[IN] = before, [OUT] = behind, [FORGET] = before};
	for (int g = IN; dp && g <= FORGET; g++)
		k_accumulate(k, dp, (Index[]){k_plus(k_at(c->j),
		                                     g * c->r->hidden)},
		             k_mul(k, dz[g], seen[g]));
}

static void step(Kernel *k, const Recurrence *r, int s)
{
	const Node *n = r->node;
	Cell c = cell_open(k, r, recurrence_time_back(r, s));
	Expr *gate[NGATES], *dz[NGATES], *zero = k_num(k, 0);
	Expr *d = cell_gradient(k, &c, n->out[DH0], recurrence_in(n, DSTATES));
	Expr *later = cell_bind(k, k_load_flat(k, n->out[DC0], cell_state(&c)));
	for (int g = 0; g < NGATES; g++)
		gate[g] = cell_bind(k, k_load_flat(k, n->in[GATES],
		                                   cell_gate(&c, g)));
	Expr *cell = cell_bind(k, k_load_flat(k, n->in[CELLS], cell_step(&c)));
	Expr *squashed = cell_bind(k, k_tanh(k, cell));
	Expr *before = cell_previous(k, &c, s, n->in[CELLS],
	                             recurrence_in(n, C0));
	dz[OUT] = cell_bind(k, k_mul(k, k_mul(k, d, squashed),
	                             cell_sigmoid_slope(k, gate[OUT])));
	Expr *e = k_add(k, later, k_mul(k, k_mul(k, d, gate[OUT]),
	                                cell_tanh_slope(k, squashed)));
	e = cell_bind(k, peep(k, &c, 1, dz[OUT], e));
	dz[IN] = k_mul(k, k_mul(k, e, gate[CELL]),
	               cell_sigmoid_slope(k, gate[IN]));
	dz[FORGET] = k_mul(k, k_mul(k, e, before),
	                   cell_sigmoid_slope(k, gate[FORGET]));
	dz[CELL] = k_mul(k, k_mul(k, e, gate[IN]),
	                 cell_tanh_slope(k, gate[CELL]));
	for (int g = 0; g < NGATES; g++)
		dz[g] = cell_bind(k, cell_select(k, &c, dz[g], zero));
	e = peep(k, &c, 0, dz[IN], k_mul(k, e, gate[FORGET]));
	e = peep(k, &c, 2, dz[FORGET], e);
	for (int g = 0; g < NGATES; g++)
		k_store_flat(k, n->out[DZ], cell_gate(&c, g), dz[g]);
	k_store_flat(k, n->out[DC0], cell_state(&c),
	             cell_select(k, &c, e, later));
	if (r->lengths)
		k_store_flat(k, n->out[DH0], cell_state(&c),
		             cell_select(k, &c, zero, d));
	sum_peepholes(k, &c, dz, before, cell);
	cell_close(k);
}

static void lower(Kernel *k, const Node *n)
{
	Recurrence r = recurrence(n);
	recurrence_start(k, &r, n->out[DH0], recurrence_in(n, DH));
	recurrence_start(k, &r, n->out[DC0], recurrence_in(n, DC));
	if (recurrence_saved(n, DP))
		k_fill(k, n->out[DP], 0);
	int s = k_for(k, r.steps);
	Product p = product(&r, recurrence_time_back(&r, s));
	step(k, &r, s);
	k_product(k, &p);
	k_end(k);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	if (!recurrence_parts(n, part, 1u << R | 1u << P, out))
		return false;
	if (n->nout > DP)
		out[DP] = PART_SUM;
	return true;
}

const OpDef op_LSTMRecurrenceGrad = {
	.name = "LSTMRecurrenceGrad", .min_in = 3, .max_in = 9,
	.min_out = 3, .max_out = 4,
	ATTRS(RECURRENCE_ATTRS),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.parts = parts,
	EXAMPLES({.nin = 9, .nout = 4,
	          .in = {{DIMS(4, 3, 8), .lo = 0.1, .hi = 0.9},
	                 {DIMS(4, 3, 2)}, {DIMS(8, 2)},
	                 {DIMS(3), DT_I32, 1, 4}, {DIMS(3, 2)}, {DIMS(6)},
	                 {DIMS(3, 2)}, {DIMS(3, 2)}, {DIMS(4, 3, 2)}},
	          .attr = {{"order", INTS(0, 3, 1, 2)}}},
	         {.nin = 9, .nout = 3,
	          .in = {{DIMS(2, 5, 64), .lo = 0.1, .hi = 0.9},
	                 {DIMS(2, 5, 16)},
	                 {DIMS(64, 16), .lo = -.3, .hi = .3}, {.absent = true},
	                 {.absent = true}, {.absent = true}, {.absent = true},
	                 {.absent = true}, {DIMS(2, 5, 16)}},
	          .attr = {{"reverse", 1}}},
	         {.nin = 9, .nout = 4,
	          .in = {{DIMS(4, 3, 8), .lo = 0.1, .hi = 0.9},
	                 {DIMS(4, 3, 2)}, {DIMS(8, 2)},
	                 {DIMS(4), DT_I32, 1, 3}, {DIMS(4, 2)}, {DIMS(6)},
	                 {DIMS(4, 2)}, {DIMS(4, 2)}, {DIMS(4, 3, 2)}},
	          .attr = {{"layout", 1}}},
	         {.nin = 9, .nout = 3,
	          .in = {{DIMS(4, 3, 64), .lo = 0.1, .hi = 0.9},
	                 {DIMS(4, 3, 16)},
	                 {DIMS(64, 16), .lo = -.3, .hi = .3}, {.absent = true},
	                 {.absent = true}, {.absent = true}, {.absent = true},
	                 {.absent = true}, {DIMS(4, 3, 16)}},
	          .attr = {{"layout", 1}, {"reverse", 1}}}),
};

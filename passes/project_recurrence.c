/*
 * The gradient of a recurrent weight times a thin matrix: sums over time, too, may
 * meet it first. G = sum over t of dZ[t]^T h[t-1], so that G b^T is the same sum
 * with h b^T for the states, and b G with dZ b^T for the gates' gradient. Of a GRU
 * the last H of m rows are another sum (RecurrenceGradWeight.c): what is thin is
 * computed of all rows by both, and the right rows are taken.
 */
#include "passes/project_recurrence.h"

#include "ir/build.h"
#include "ir/recurrence.h"
#include "passes/project_form.h"

enum { DZ, STATES, H0, RESET };

typedef struct Recurrent {
	Graph *g;
	const Node *n;
	Value *basis;
	int64_t rows, seam;   /* m, and where a GRU's last rows begin */
} Recurrent;

static Value *input(const Recurrent *r, int i)
{
	return recurrence_in(r->n, i);
}

/* x [A,B,k] times the transpose of a basis [r,k]. */
static Value *thin(const Recurrent *r, Value *x, Value *basis)
{
	Shape s = x->shape;
	Loc loc = r->n->loc;
	Value *flat = build_reshape(r->g, loc, x, (Shape){
		2, {numel(s) / s.dim[s.rank - 1], s.dim[s.rank - 1]}});
	Value *y = project_product(r->g, loc, flat, false, basis, true, 1);
	s.dim[s.rank - 1] = basis->shape.dim[0];
	return build_reshape(r->g, loc, y, s);
}

/* The sum over steps of a gradient against the states one step earlier. */
static Value *shifted(const Recurrent *r, Value *dz, Value *states, Value *h0)
{
	Node *n = NEW(r->g, r->n->loc, op_RecurrenceGradWeight, dz, states, h0);
	node_copy_attrs(r->g, n, r->n);
	return node_done(r->g, n);
}

/* The same against states of the same step. */
static Value *unshifted(const Recurrent *r, Value *dz, Value *states)
{
	int64_t lines = dz->shape.dim[0] * dz->shape.dim[1];
	Loc loc = r->n->loc;
	dz = build_reshape(r->g, loc, dz, (Shape){2, {lines, dz->shape.dim[2]}});
	states = build_reshape(r->g, loc, states, (Shape){
		2, {lines, states->shape.dim[2]}});
	return project_product(r->g, loc, dz, true, states, false, 1);
}

static Value *cut(const Recurrent *r, Value *x, int axis, int64_t from,
                  int64_t to)
{
	Node *n = NEW(r->g, r->n->loc, op_Slice, x);
	node_set_ints(r->g, n, "axes", 1, (int64_t[]){axis});
	node_set_ints(r->g, n, "starts", 1, &from);
	node_set_ints(r->g, n, "ends", 1, &to);
	return node_done(r->g, n);
}

static bool is_linear(const Recurrent *r)
{
	return attr_int(r->n, op_attr(r->n->op, "linear_before_reset")) != 0;
}

/* ---- G b^T ---- */

static Value *last_rows(const Recurrent *r, Value *states, Value *h0)
{
	Value *reset = input(r, RESET);
	if (is_linear(r))
		return shifted(r, reset, states, h0);
	Value *all = unshifted(r, input(r, DZ), thin(r, reset, r->basis));
	return cut(r, all, 0, r->seam, r->rows);
}

static Value *columns(const Recurrent *r)
{
	Value *h0 = input(r, H0);
	Value *states = thin(r, input(r, STATES), r->basis);
	h0 = h0 ? thin(r, h0, r->basis) : NULL;
	Value *y = shifted(r, input(r, DZ), states, h0);
	if (input(r, RESET)) {
		Node *n = NEW(r->g, r->n->loc, op_Concat,
		              cut(r, y, 0, 0, r->seam),
		              last_rows(r, states, h0));
		node_set_int(r->g, n, "axis", 0);
		y = node_done(r->g, n);
	}
	Node *t = NEW(r->g, r->n->loc, op_Transpose, y);
	node_set_ints(r->g, t, "perm", 2, (int64_t[]){1, 0});
	return node_done(r->g, t);
}

/* ---- b G ---- */

/* The basis with 0 in the last rows of G, or in all others. */
static Value *masked(const Recurrent *r, bool last)
{
	Arena *a = r->g->unit->arena;
	DType type = r->basis->dtype;
	void *x = arena_alloc(a, (size_t)(r->rows * dtype_size(type)));
	for (int64_t i = 0; i < r->rows; i++)
		dtype_put(type, x, i, (Scalar){.f = (i >= r->seam) == last});
	Value *mask = graph_const(r->g, NULL, type, (Shape){2, {1, r->rows}}, x);
	return APPLY(r->g, r->n->loc, op_Mul, r->basis, mask);
}

static Value *rows(const Recurrent *r)
{
	Value *dz = input(r, DZ), *states = input(r, STATES);
	Value *h0 = input(r, H0), *reset = input(r, RESET);
	Loc loc = r->n->loc;
	if (!reset)
		return shifted(r, thin(r, dz, r->basis), states, h0);
	Value *first = thin(r, dz, masked(r, false));
	if (is_linear(r)) {
		Value *basis = cut(r, r->basis, 1, r->seam, r->rows);
		first = APPLY(r->g, loc, op_Add, first, thin(r, reset, basis));
		return shifted(r, first, states, h0);
	}
	return APPLY(r->g, loc, op_Add, shifted(r, first, states, h0),
	             unshifted(r, thin(r, dz, masked(r, true)), reset));
}

Value *project_recurrence(Graph *g, const Node *n, Value *basis, Side side)
{
	const Shape *grad = &n->out[0]->shape;
	Recurrent r = {g, n, basis, grad->dim[0], grad->dim[0] - grad->dim[1]};
	return side == SIDE_ROWS ? rows(&r) : columns(&r);
}

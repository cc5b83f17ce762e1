/*
 * Pad: x with pads[i] elements before and pads[rank + i] after it along each
 * dimension i; negative ones cut. What the new elements are, by `mode`:
 * constant: `value`; edge: the nearest element of x; reflect: x mirrored at its
 * first and last element; wrap: x repeated.
 *
 * The gradient of constant is the reverse cut. The others are gathers along
 * one axis after the other, with known indices.
 */
#include "ir/op.h"

#include "ir/move.h"

#include <string.h>

enum { PADS, MODE, VALUE };

typedef enum Mode { CONSTANT, EDGE, REFLECT, WRAP, NMODES } Mode;

static const char *const modes[] = {"constant", "edge", "reflect", "wrap"};

static Mode mode_of(const Node *n)
{
	int m = 0;
	while (m < NMODES && strcmp(modes[m], n->attr[MODE].s))
		m++;
	return (Mode)m;
}

static int64_t before(const Node *n, int axis)
{
	return n->attr[PADS].ints[axis];
}

static int64_t after(const Node *n, int axis)
{
	return n->attr[PADS].ints[n->in[0]->shape.rank + axis];
}

/* How many elements a mode can find on one side of `dim`. */
static int64_t most(Mode mode, int64_t dim)
{
	return mode == REFLECT ? dim - 1 : mode == WRAP ? dim
	     : mode == EDGE && dim == 0 ? 0 : INT32_MAX;
}

static bool infer(Unit *u, Node *n)
{
	Shape x = n->in[0]->shape, y = x;
	Mode mode = mode_of(n);
	if (mode == NMODES || n->attr[PADS].n != 2 * x.rank) {
		error_at(u, n->loc, "pads has %d numbers for %d dimensions, "
		         "mode is '%s'", n->attr[PADS].n, x.rank,
		         n->attr[MODE].s);
		return false;
	}
	for (int i = 0; i < x.rank; i++) {
		int64_t b = before(n, i), a = after(n, i);
		int64_t limit = most(mode, x.dim[i]);
		if (b > limit || a > limit || b < -x.dim[i] ||
		    a < -x.dim[i] || x.dim[i] + b + a < 0) {
			error_at(u, n->loc, "cannot pad %lld elements by %lld "
			         "and %lld (%s)", (long long)x.dim[i],
			         (long long)b, (long long)a, modes[mode]);
			return false;
		}
		y.dim[i] += b + a;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = y;
	return true;
}

static int64_t cut(int64_t pad)
{
	return pad < 0 ? -pad : 0;
}

static void constant(Kernel *k, const Node *n)
{
	Shape inner = n->in[0]->shape;
	int64_t from[MAX_RANK], to[MAX_RANK];
	for (int i = 0; i < inner.rank; i++) {
		from[i] = cut(before(n, i));
		to[i] = from[i] + before(n, i);
		inner.dim[i] -= cut(before(n, i)) + cut(after(n, i));
		if (inner.dim[i] < 0)
			inner.dim[i] = 0;
	}
	Move m = {.from = side_part(n->in[0], from, NULL),
	          .to = side_part(n->out[0], to, NULL)};
	move_shape(&m, inner);
	if (numel(inner) != numel(n->out[0]->shape))
		k_fill(k, n->out[0], attr_float(n, VALUE));
	k_move(k, &m);
}

/* The element of x at place `at` along an axis, which counts from x's first
 * element and may be outside; the same for the kernel and for the gradient. */
static int64_t source(Mode mode, int64_t at, int64_t dim)
{
	if (mode == WRAP)
		return (at + dim) % dim;
	if (mode == REFLECT)
		at = at < 0 ? -at : at >= dim ? 2 * (dim - 1) - at : at;
	return at < 0 ? 0 : at >= dim ? dim - 1 : at;
}

static Expr *source_expr(Kernel *k, Mode mode, Index at, int64_t dim)
{
	Expr *last = k_typed(k, DT_I32, (double)(dim - 1));
	Expr *zero = k_typed(k, DT_I32, 0);
	if (mode == WRAP)
		return k_mod(k, k_index(k, k_plus(at, dim)),
		             k_typed(k, DT_I32, (double)dim));
	Expr *i = k_index(k, at);
	if (mode == REFLECT)
		i = k_sub(k, last, k_abs(k, k_sub(k, last, k_abs(k, i))));
	return k_min(k, k_max(k, i, zero), last);
}

static void mirrored(Kernel *k, const Node *n, Mode mode)
{
	const Value *x = n->in[0], *y = n->out[0];
	int loop[MAX_RANK];
	Index at[MAX_RANK];
	for (int i = 0; i < x->shape.rank; i++) {
		loop[i] = k_for(k, y->shape.dim[i]);
		at[i] = k_plus(k_at(loop[i]), -before(n, i));
		if (before(n, i) > 0 || after(n, i) > 0)
			at[i] = k_indirect(k_var(k, source_expr(k, mode, at[i],
			                                x->shape.dim[i])));
	}
	k_store(k, y, loop, k_load_padded(k, x, at, 0));
	k_end_n(k, x->shape.rank);
}

static void lower(Kernel *k, const Node *n)
{
	Mode mode = mode_of(n);
	if (mode == CONSTANT)
		constant(k, n);
	else
		mirrored(k, n, mode);
}

static Value *cut_back(Graph *g, Node *n, Value *dy)
{
	int64_t pads[2 * MAX_RANK];
	int count = n->attr[PADS].n;
	for (int i = 0; i < count; i++)
		pads[i] = -n->attr[PADS].ints[i];
	Node *p = NEW(g, n->loc, op_Pad, dy);
	node_set_ints(g, p, "pads", count, pads);
	return node_done(g, p);
}

/* Which elements of x those along one axis of y are. */
static Value *sources(Graph *g, Node *n, int axis, int64_t count)
{
	int32_t *x = arena_array(g->unit->arena, int32_t, count);
	for (int64_t i = 0; i < count; i++)
		x[i] = (int32_t)source(mode_of(n), i - before(n, axis),
		                       n->in[0]->shape.dim[axis]);
	return graph_const(g, NULL, DT_I32, (Shape){1, {count}}, x);
}

static Value *gather_back(Graph *g, Node *n, Value *dy, int axis)
{
	Shape s = dy->shape;
	Value *index = sources(g, n, axis, s.dim[axis]);
	s.dim[axis] = n->in[0]->shape.dim[axis];
	Node *d = NEW(g, n->loc, op_GatherGrad, dy, index);
	node_set_int(g, d, "axis", axis);
	node_set_ints(g, d, "shape", s.rank, s.dim);
	return node_done(g, d);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	if (mode_of(n) == CONSTANT) {
		dx[0] = cut_back(g, n, dy[0]);
		return;
	}
	dx[0] = dy[0];
	for (int i = 0; i < n->in[0]->shape.rank; i++)
		if (before(n, i) || after(n, i))
			dx[0] = gather_back(g, n, dx[0], i);
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return !before(n, 0) && !after(n, 0) && parts_all(n, part, out);
}

const OpDef op_Pad = {
	.name = "Pad", .since = 11, .min_in = 1, .max_in = 1,
	ATTRS([PADS] = {"pads", ATTR_INTS},
	      [MODE] = {"mode", ATTR_STRING, true, .s = "constant"},
	      [VALUE] = {"value", ATTR_FLOAT, true, .f = 0}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(2, 3)}},
	          .attr = {{"pads", INTS(1, 0, 2, 1)}, {"value", .f = 0.5}}},
	         {.in = {{DIMS(4, 3)}}, .attr = {{"pads", INTS(0, 2, 0, -1)}}},
	         {.in = {{DIMS(2, 4, 3)}},
	          .attr = {{"pads", INTS(0, -1, 2, 1, -1, 0)}}},
	         {.in = {{DIMS(3, 4)}},
	          .attr = {{"pads", INTS(2, 3, 1, 2)}, {"mode", .s = "reflect"}}},
	         {.in = {{DIMS(2, 3)}},
	          .attr = {{"pads", INTS(0, 5, 3, 1)}, {"mode", .s = "edge"}}},
	         {.in = {{DIMS(3, 4)}},
	          .attr = {{"pads", INTS(3, -1, 0, 4)}, {"mode", .s = "wrap"}}},
	         {.in = {{DIMS(5)}},
	          .attr = {{"pads", INTS(-2, 3)}, {"mode", .s = "reflect"}}}),
};

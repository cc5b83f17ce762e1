#include "ir/scatter.h"

#include "ir/build.h"
#include "ir/gather.h"

#include <string.h>

bool scatter_fits(Unit *u, const Node *n, Shape whole, const Value *index)
{
	Shape s = index->shape;
	int axis;
	if (!infer_axis(u, n, attr_int(n, SCATTER_AXIS), whole.rank, &axis))
		return false;
	bool ok = s.rank == whole.rank && !dtype_is_float(index->dtype);
	for (int i = 0; ok && i < s.rank; i++)
		ok = i == axis || s.dim[i] <= whole.dim[i];
	if (!ok)
		error_at(u, n->loc, "indices are %s%s, expected integers that "
		         "fit %s but for axis %d", dtype_name(index->dtype),
		         shape_text(u->arena, s), shape_text(u->arena, whole),
		         axis);
	return ok;
}

bool scatter_like(Unit *u, const Node *n, const Value *v, Shape s)
{
	if (shape_equal(v->shape, s))
		return true;
	error_at(u, n->loc, "%s has the shape %s, expected %s, that of what the "
	         "indices name", v->name, shape_text(u->arena, v->shape),
	         shape_text(u->arena, s));
	return false;
}

bool scatter_infer(Unit *u, Node *n, const char *reduction)
{
	static const char *const known[] = {"none", "add", "mul", "max", "min"};
	bool ok = false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ok |= !strcmp(known[i], reduction);
	if (!ok || n->in[2]->dtype != n->in[0]->dtype) {
		error_at(u, n->loc, "reduction is '%s', x %s and updates %s; "
		         "expected none, add, mul, max or min, and one type",
		         reduction, dtype_name(n->in[0]->dtype),
		         dtype_name(n->in[2]->dtype));
		return false;
	}
	return infer_like(n, 0, 0);
}

void scatter_open(Kernel *k, const Node *n, Shape whole, const Value *index,
                  int loop[], Index at[])
{
	int axis;
	infer_axis(NULL, n, attr_int(n, SCATTER_AXIS), whole.rank, &axis);
	k_for_shape(k, index->shape, loop);
	for (int i = 0; i < whole.rank; i++)
		at[i] = k_at(loop[i]);
	at[axis] = k_indirect(gather_index(k, k_load(k, index, loop),
	                                   whole.dim[axis]));
}

void scatter_copy(Kernel *k, const Value *from, const Value *to)
{
	Index at = k_at(k_for(k, numel(from->shape)));
	k_store_flat(k, to, at, k_load_flat(k, from, at));
	k_end(k);
}

void scatter_store(Kernel *k, const Value *y, const Index at[], Expr *x,
                   const char *reduction)
{
	if (!strcmp(reduction, "add")) {
		k_accumulate_padded(k, y, at, x);
		return;
	}
	if (strcmp(reduction, "none")) {
		Expr *old = k_get(k, k_var(k, k_load_padded(k, y, at, 0)));
		x = k_get(k, k_var(k, x));
		x = !strcmp(reduction, "mul") ? k_mul(k, old, x)
		    : !strcmp(reduction, "max") ? k_max(k, old, x)
		                                : k_min(k, old, x);
	}
	k_store_padded(k, y, at, x);
}

/* The same node on other values, by another reduction. */
static Value *scatter_again(Graph *g, const Node *n, Value *whole,
                            Value *updates, const char *reduction)
{
	Node *again = node_new(g, n->loc, n->op, 3,
	                       (Value *[]){whole, n->in[1], updates});
	node_copy_attrs(g, again, n);
	node_set_string(g, again, "reduction", reduction);
	return node_done(g, again);
}

/* 1 where the two are equal, else 0. */
static Value *equal(Graph *g, Loc loc, Value *a, Value *b)
{
	Value *is = APPLY(g, loc, op_Equal, a, b);
	Node *cast = NEW(g, loc, op_Cast, is);
	node_set_int(g, cast, "to", dtype_to_onnx(a->dtype));
	return node_done(g, cast);
}

/* Old element and updates that are the result share its gradient equally. */
static void grad_ties(Graph *g, Node *n, Value *dy,
                      Value *gather(Graph *, const Node *, Value *),
                      const bool want[], Value *dx[])
{
	Value *y = n->out[0];
	Value *old = equal(g, n->loc, n->in[0], y);
	Value *new = equal(g, n->loc, n->in[2], gather(g, n, y));
	Value *share = APPLY(g, n->loc, op_Div, dy,
	                     scatter_again(g, n, old, new, "add"));
	if (want[0])
		dx[0] = APPLY(g, n->loc, op_Mul, old, share);
	if (want[2])
		dx[2] = APPLY(g, n->loc, op_Mul, new, gather(g, n, share));
}

/* The factors of each place of the result that are 0, and the product of the
 * others. */
typedef struct {
	Value *zeros, *product;
} Factors;

static Value *is_zero(Graph *g, Loc loc, Value *v)
{
	return equal(g, loc, v, graph_scalar(g, v->dtype, 0));
}

/* dy times all factors but x: none of those is 0, so x is the only one if it
 * is 0, which then stands as 1. */
static Value *times_others(Graph *g, Loc loc, Value *dy, Factors of, Value *x)
{
	Value *zero = is_zero(g, loc, x);
	Value *alone = equal(g, loc, of.zeros, zero);
	Value *others = APPLY(g, loc, op_Div, of.product,
	                      APPLY(g, loc, op_Add, x, zero));
	return APPLY(g, loc, op_Mul, dy, APPLY(g, loc, op_Mul, others, alone));
}

static void grad_factors(Graph *g, Node *n, Value *dy,
                         Value *gather(Graph *, const Node *, Value *),
                         const bool want[], Value *dx[])
{
	Value *x = n->in[0], *u = n->in[2];
	Value *x0 = is_zero(g, n->loc, x), *u0 = is_zero(g, n->loc, u);
	Factors all = {
		scatter_again(g, n, x0, u0, "add"),
		scatter_again(g, n, APPLY(g, n->loc, op_Add, x, x0),
	                      APPLY(g, n->loc, op_Add, u, u0), "mul"),
	};
	if (want[0])
		dx[0] = times_others(g, n->loc, dy, all, x);
	if (!want[2])
		return;
	Factors named = {gather(g, n, all.zeros), gather(g, n, all.product)};
	dx[2] = times_others(g, n->loc, gather(g, n, dy), named, u);
}

void scatter_grad(Graph *g, Node *n, const char *reduction, Value *dy,
                  Value *gather(Graph *, const Node *, Value *),
                  const bool want[], Value *dx[])
{
	bool none = !strcmp(reduction, "none");
	if (!strcmp(reduction, "mul")) {
		grad_factors(g, n, dy, gather, want, dx);
		return;
	}
	if (!none && strcmp(reduction, "add")) {
		grad_ties(g, n, dy, gather, want, dx);
		return;
	}
	if (want[2])
		dx[2] = gather(g, n, dy);
	if (!want[0])
		return;
	dx[0] = dy;
	if (none)
		dx[0] = scatter_again(
			g, n, dy,
			build_expand(g, n->loc, graph_scalar(g, dy->dtype, 0),
			             n->in[2]->shape), "none");
}

bool scatter_parts(const Node *n, const bool part[], PartKind out[])
{
	int64_t axis = attr_int(n, SCATTER_AXIS), first = 0;
	for (int i = 0; i < n->nin; i++) {
		first = i ? first : n->in[i]->shape.dim[0];
		if (!part[i] || n->in[i]->shape.dim[0] != first)
			return false;
	}
	return axis != 0 && axis != -n->in[0]->shape.rank &&
	       n->out[0]->shape.dim[0] == first && parts_give(n, PART_ROWS, out);
}

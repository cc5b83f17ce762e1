#include "ir/pool.h"

#include <math.h>

/* A window must not fit into the padding as a whole. */
static bool check_pads(Unit *u, const Node *n, const Window *w)
{
	for (int d = 0; d < w->rank; d++) {
		int64_t reach = (w->cells[d] - 1) * w->dilation[d] + 1;
		int64_t pad = w->begin[d] > w->end[d] ? w->begin[d] : w->end[d];
		if (pad < reach)
			continue;
		error_at(u, n->loc, "pads are %lld along spatial dimension %d, "
		         "expected less than the window's %lld", (long long)pad,
		         d, (long long)reach);
		return false;
	}
	return true;
}

/* Places in the window are counted in i32. */
static bool check_cells(Unit *u, const Node *n, const Window *w)
{
	int64_t count = 1;
	for (int d = 0; d < w->rank; d++) {
		if (w->cells[d] > INT32_MAX / count) {
			error_at(u, n->loc, "a window has more than %d cells",
			         INT32_MAX);
			return false;
		}
		count *= w->cells[d];
	}
	return true;
}

bool pool_shape(Unit *u, const Node *n, Shape x, Shape *y)
{
	if (!window_check(u, n, x, NULL))
		return false;
	Window w = window_of(n, x, NULL);
	y->dim[0] = x.dim[0];
	y->dim[1] = x.dim[1];
	return check_cells(u, n, &w) && check_pads(u, n, &w) &&
	       window_outputs(u, n, &w, x, attr_int(n, POOL_CEIL), y);
}

bool pool_grad_infer(Unit *u, Node *n, int which)
{
	const Attr *a = &n->attr[which];
	Shape dy = n->in[0]->shape, want = {0};
	Shape x = {.rank = a->n <= MAX_RANK ? a->n : 0};
	for (int i = 0; i < x.rank; i++)
		x.dim[i] = a->ints[i];
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = x;
	if (!pool_shape(u, n, x, &want))
		return false;
	if (!shape_equal(want, dy)) {
		error_at(u, n->loc, "pooling %s gives %s, found %s",
		         shape_text(u->arena, x), shape_text(u->arena, want),
		         shape_text(u->arena, dy));
		return false;
	}
	return true;
}

Value *pool_gradient(Graph *g, Node *n, const OpDef *op, int nin,
                     Value *const in[])
{
	Node *d = node_new(g, n->loc, op, nin, in);
	Shape x = n->in[0]->shape;
	node_copy_attrs(g, d, n);
	node_set_ints(g, d, "shape", x.rank, x.dim);
	return node_done(g, d);
}

void pool_for_gradient(Kernel *k, const Value *dx, const Value *dy, int loop[])
{
	int64_t plane = 1;
	for (int d = 2; d < dx->shape.rank; d++)
		plane *= dx->shape.dim[d];
	loop[0] = k_for(k, dx->shape.dim[0]);
	loop[1] = k_for(k, dx->shape.dim[1]);
	Index number = k_sum(k_scaled(k_at(loop[0]), dx->shape.dim[1]),
	                     k_at(loop[1]));
	k_fill_part(k, dx, k_scaled(number, plane), plane, 0);
	for (int d = 2; d < dy->shape.rank; d++)
		loop[d] = k_for(k, dy->shape.dim[d]);
}

Expr *pool_count(Kernel *k, const Node *n, const Window *w, const int loop[],
                 Shape x, Shape y)
{
	bool pads = attr_int(n, AVERAGE_COUNT_PADS);
	int64_t constant = 1;
	Expr *count = NULL;
	for (int d = 0; d < w->rank; d++) {
		Expr *c = window_count(k, w, d, loop[2 + d], x.dim[2 + d],
		                       y.dim[2 + d], pads);
		if (c->kind == E_NUM)
			constant *= c->u.num.i;
		else
			count = count ? k_mul(k, count, c) : c;
	}
	DType type = compute_type(n->in[0]->dtype);
	if (!count)
		return k_typed(k, type, (double)constant);
	if (constant > 1)
		count = k_mul(k, count, k_typed(k, DT_I32, (double)constant));
	return k_cast(k, type, count);
}

/* A single dimension needs no division. */
void pool_split_place(Kernel *k, const Window *w, Expr *place, int cell[])
{
	int rest = k_var(k, place);
	for (int d = w->rank - 1; d > 0; d--) {
		Expr *cells = k_typed(k, DT_I32, (double)w->cells[d]);
		cell[d] = k_var(k, k_mod(k, k_get(k, rest), cells));
		k_set(k, rest, k_div(k, k_get(k, rest), cells));
	}
	cell[0] = rest;
}

double best_least(DType t)
{
	return dtype_is_float(t) ? -INFINITY : t == DT_I8 ? -128 : 0;
}

bool best_type(Unit *u, const Node *n)
{
	DType t = n->in[0]->dtype;
	if (dtype_is_float(t) || t == DT_I8 || t == DT_U8)
		return true;
	error_at(u, n->loc, "input is %s, expected a floating-point type, i8 or "
	         "u8", dtype_name(t));
	return false;
}

Best best_start(Kernel *k, DType t, Expr *place)
{
	Best b = {.place = -1};
	b.value = k_var(k, k_typed(k, compute_type(t), best_least(t)));
	if (place)
		b.place = k_var(k, place);
	return b;
}

void best_feed(Kernel *k, const Best *b, Expr *x, Index place)
{
	x = k_get(k, k_var(k, x));
	Expr *take = k_gt(k, x, k_get(k, b->value));
	if (dtype_is_float(x->type))
		take = k_or(k, take, k_ne(k, x, x));
	if (b->place >= 0) {
		take = k_get(k, k_var(k, take));
		k_set(k, b->place, k_sel(k, take, k_index(k, place),
		                         k_get(k, b->place)));
	}
	k_set(k, b->value, k_sel(k, take, x, k_get(k, b->value)));
}

DType best_place_type(int64_t count)
{
	return count <= 256 ? DT_U8 : DT_I32;
}

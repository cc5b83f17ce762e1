/* Operators that pick elements by number: OneHot, Hardmax, and what opset 9 called
 * Scatter. */
#include "frontend/import_rules.h"

/* ---- OneHot ---- */

static Value *one_hot(Site *s, Value *index, Value *values, int64_t depth,
                      int64_t axis)
{
	const OpDef *op = site_op(s, "OneHot");
	if (!op)
		return NULL;
	Node *n = node_new(s->im->g, s->loc, op, 2, (Value *[]){index, values});
	node_set_int(s->im->g, n, "axis", axis);
	node_set_int(s->im->g, n, "depth", depth);
	return site_done(s, n);
}

bool convert_one_hot(Site *s)
{
	double depth = -1;
	if (!site_in(s, 0) || !site_in(s, 2)) {
		site_error(s, "has %d inputs, expected 3", s->nin);
		return false;
	}
	if (!site_const_float(s, 1, "depth", &depth))
		return false;
	if (!(depth >= 0 && depth <= INT32_MAX)) {
		site_error(s, "its depth is %g, expected 0 or more", depth);
		return false;
	}
	s->out[0] = one_hot(s, s->in[0], s->in[2], (int64_t)depth,
	                    site_int(s, "axis", -1));
	return s->out[0] != NULL;
}

/* ---- Hardmax ---- */

/* 1 where the greatest element along the axis is first met, else 0. */
static Value *hardmax(Site *s, Value *x, int axis)
{
	Graph *g = s->im->g;
	const OpDef *arg = site_op(s, "ArgMax");
	if (!arg)
		return NULL;
	Node *n = node_new(g, s->loc, arg, 1, &x);
	node_set_int(g, n, "axis", axis);
	node_set_int(g, n, "keepdims", 0);
	Value *index = site_done(s, n);
	if (!index)
		return NULL;
	Value *values = site_ints_value(s, 2, (int64_t[]){0, 1}, 1);
	values = site_cast(s, values, x->dtype);
	return values ? one_hot(s, index, values, x->shape.dim[axis], axis)
	              : NULL;
}

/* Before opset 13 all dimensions from the axis on were one class axis. */
bool convert_hardmax(Site *s)
{
	Value *x = site_in(s, 0);
	int axis;
	bool old = s->opset < 13;
	if (!x || !site_axis(s, site_int(s, "axis", old ? 1 : -1),
	                     x->shape.rank, &axis))
		return false;
	Shape rows = x->shape;
	if (old) {
		rows = site_rows(x->shape, axis);
		axis = 1;
	}
	Value *y = site_reshape(s, x, rows);
	y = y ? hardmax(s, y, axis) : NULL;
	s->out[0] = y ? site_reshape(s, y, x->shape) : NULL;
	return s->out[0] != NULL;
}

/* ---- Scatter ---- */

bool convert_scatter(Site *s)
{
	const OpDef *op = site_op(s, "ScatterElements");
	if (!op || s->nin != 3) {
		site_error(s, "has %d inputs, expected 3", s->nin);
		return false;
	}
	Node *n = node_new(s->im->g, s->loc, op, 3, s->in);
	return site_copy_attrs(s, n) && site_result(s, n);
}

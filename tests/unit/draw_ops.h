/* How each family of operators is drawn: what its inputs and attributes may be
 * together. */
#ifndef TESTS_UNIT_DRAW_OPS_H
#define TESTS_UNIT_DRAW_OPS_H

#include "tests/unit/draw.h"

/* ---- element by element ---- */

static void draw_unary(Draw *d)
{
	const OpDef *op = d->row->op;
	draw_in(d, draw_shape(d, 0, 5));
	for (int a = 0; a < op->nattrs; a++)
		if (op->attrs[a].kind == ATTR_FLOAT && one_in(d, 2))
			draw_attr_float(d, op->attrs[a].name, draw_factor(d));
}

static void draw_gelu(Draw *d)
{
	draw_unary(d);
	if (one_in(d, 2))
		draw_attr_string(d, "approximate",
		                 one_in(d, 2) ? "tanh" : "none");
}

static void draw_clip(Draw *d)
{
	draw_in(d, draw_shape(d, 0, 5));
	if (one_in(d, 2))
		draw_attr_float(d, "min", -fabs(draw_factor(d)));
	if (one_in(d, 2))
		draw_attr_float(d, "max", fabs(draw_factor(d)));
}

static void draw_cast(Draw *d)
{
	static const DType to[] = {DT_F32, DT_F64, DT_F16, DT_BF16};
	draw_in(d, draw_shape(d, 0, 5));
	draw_attr_int(d, "to", dtype_to_onnx(to[draw_int(d, 0, 3)]));
}

static void draw_dropout(Draw *d)
{
	draw_in(d, draw_shape(d, 0, 4));
	draw_in_of(d, (Shape){0}, DT_U32, 0, 4294967295.0);
	if (one_in(d, 3))
		draw_in_of(d, (Shape){0}, DT_I32, 0, 3);
	if (one_in(d, 2))
		draw_attr_float(d, "ratio", (double)draw_int(d, 0, 4) / 4);
	if (one_in(d, 2))
		draw_attr_int(d, "id", draw_int(d, 0, 9));
}

static void draw_broadcast(Draw *d)
{
	const OpDef *op = d->row->op;
	Shape whole = draw_shape(d, 0, 5);
	int n = op->max_in > 3 ? (int)draw_int(d, 1, 4) : op->min_in;
	for (int i = 0; i < n; i++)
		draw_in(d, draw_stretched(d, whole));
}

static void draw_where(Draw *d)
{
	draw_broadcast(d);
	d->e.in[0].dtype = DT_BOOL;
}

static void draw_mod(Draw *d)
{
	draw_broadcast(d);
	draw_attr_flag(d, "fmod");
}

static void draw_prelu(Draw *d)
{
	Shape x = draw_shape(d, 0, 5);
	draw_in(d, x);
	draw_in(d, draw_stretched(d, x));
}

/* Any base for an exponent that is an integer, known or not. */
static void draw_pow(Draw *d)
{
	draw_broadcast(d);
	ExampleIn *e = &d->e.in[1];
	if (one_in(d, 3)) {
		double k = (double)draw_int(d, 1, 4);
		*e = (ExampleIn){.dtype = d->real, .lo = k, .hi = k,
		                 .constant = true};
		d->e.in[0].lo = d->e.in[0].hi = 0;
	} else if (one_in(d, 3)) {
		e->dtype = one_in(d, 2) ? DT_I32 : DT_I64;
	}
}

/* ---- along axes ---- */

static void draw_reduce(Draw *d)
{
	int64_t axes[MAX_RANK];
	Shape x = draw_shape(d, 0, 5);
	draw_in(d, x);
	if (!one_in(d, 4))
		draw_attr_ints(d, "axes", draw_axes(d, x.rank, axes), axes);
	draw_attr_flag(d, "keepdims");
	draw_attr_flag(d, "noop_with_empty_axes");
}

/* What has one axis, and flags. */
static void draw_axis(Draw *d)
{
	const OpDef *op = d->row->op;
	Shape x = draw_shape(d, 1, 5);
	if (draw_attr_axis(d, "axis", x.rank) > 0)
		x.dim[0] = draw_batch(d, x.dim[0]);
	draw_in(d, x);
	for (int a = 0; a < op->nattrs; a++)
		if (strcmp(op->attrs[a].name, "axis"))
			draw_attr_flag(d, op->attrs[a].name);
}

static void draw_top_k(Draw *d)
{
	Shape x = draw_shape(d, 1, 4);
	draw_in(d, x);
	int axis = draw_attr_axis(d, "axis", x.rank);
	draw_attr_int(d, "k", draw_int(d, 0, x.dim[axis]));
	draw_attr_flag(d, "largest");
	d->e.nout = (int)draw_int(d, 1, 2);
}

static void draw_reverse_sequence(Draw *d)
{
	int64_t order[MAX_RANK];
	Shape x = draw_shape(d, 2, 4);
	draw_order(d, order, x.rank);
	x.dim[order[0]] = draw_batch(d, x.dim[order[0]]);
	draw_in(d, x);
	draw_in_of(d, (Shape){1, {x.dim[order[0]]}}, DT_I64, 1,
	           (double)x.dim[order[1]]);
	draw_attr_int(d, "batch_axis", order[0]);
	draw_attr_int(d, "time_axis", order[1]);
}

static void draw_trilu(Draw *d)
{
	draw_in(d, draw_shape(d, 2, 4));
	draw_attr_flag(d, "upper");
	if (one_in(d, 2))
		draw_attr_int(d, "k", draw_int(d, -d->size, d->size));
}

static void draw_layer_norm(Draw *d)
{
	Shape x = draw_shape(d, 1, 4), scale = {0};
	int axis = draw_attr_axis(d, "axis", x.rank);
	if (axis > 0)
		x.dim[0] = draw_batch(d, x.dim[0]);
	draw_in(d, x);
	for (int i = axis; i < x.rank; i++)
		scale.dim[scale.rank++] = x.dim[i];
	draw_in(d, scale);
	if (d->row->op->max_in > 2 && one_in(d, 2))
		draw_in(d, scale);
	if (one_in(d, 2))
		draw_attr_float(d, "epsilon", fabs(draw_factor(d)));
	d->e.nout = (int)draw_int(d, 1, d->row->op->max_out);
}

static void draw_batch_norm(Draw *d)
{
	Shape x = draw_shape(d, 2, 5), channels = {1, {x.dim[1]}};
	draw_in(d, x);
	for (int i = 0; i < 3; i++)
		draw_in(d, channels);
	draw_in_of(d, channels, d->real, 0.2, 2);
	if (one_in(d, 2))
		draw_attr_float(d, "epsilon", fabs(draw_factor(d)));
	d->e.nout = d->row->op->max_out;
}

static void draw_batch_norm_train(Draw *d)
{
	draw_batch_norm(d);
	draw_attr_flag(d, "unbiased");
	if (one_in(d, 2))
		draw_attr_float(d, "momentum", random_unit(&d->random));
}

/* ---- elements moved ---- */

static void draw_transpose(Draw *d)
{
	int64_t perm[MAX_RANK];
	Shape x = draw_shape(d, 0, 6);
	draw_in(d, x);
	draw_order(d, perm, x.rank);
	if (!one_in(d, 4))
		draw_attr_ints(d, "perm", x.rank, perm);
}

/* Dimensions in another order, some of them multiplied, others of 1. */
static void draw_reshape(Draw *d)
{
	int64_t order[MAX_RANK];
	Shape x = draw_shape(d, 0, 5), to = {0};
	draw_in(d, x);
	draw_order(d, order, x.rank);
	for (int i = 0; i < x.rank; i++) {
		if (to.rank + x.rank - i < MAX_RANK && one_in(d, 4))
			to.dim[to.rank++] = 1;
		if (to.rank && one_in(d, 3))
			to.dim[to.rank - 1] *= x.dim[order[i]];
		else
			to.dim[to.rank++] = x.dim[order[i]];
	}
	draw_attr_ints(d, "shape", to.rank, to.dim);
}

static void draw_expand(Draw *d)
{
	Shape whole = draw_shape(d, 0, 5), to = draw_stretched(d, whole);
	draw_in(d, draw_stretched(d, whole));
	draw_attr_ints(d, "shape", to.rank, to.dim);
}

static void draw_sum_to(Draw *d)
{
	Shape whole = draw_shape(d, 0, 5), to = draw_stretched(d, whole);
	draw_in(d, whole);
	draw_attr_ints(d, "shape", to.rank, to.dim);
}

static void draw_concat(Draw *d)
{
	Shape x = draw_shape(d, 1, 4);
	int n = (int)draw_int(d, 1, 4);
	int axis = draw_attr_axis(d, "axis", x.rank);
	for (int i = 0; i < n; i++) {
		x.dim[axis] = draw_dim(d);
		draw_in(d, x);
	}
}

static void draw_split(Draw *d)
{
	int64_t split[4], sum = 0;
	Shape x = draw_shape(d, 1, 4);
	int n = (int)draw_int(d, 1, 4);
	int axis = draw_attr_axis(d, "axis", x.rank);
	for (int i = 0; i < n; i++)
		sum += split[i] = draw_dim(d);
	x.dim[axis] = sum;
	draw_in(d, x);
	draw_attr_ints(d, "split", n, split);
	d->e.nout = n;
}

static int64_t draw_pad(Draw *d, int64_t dim, const char *mode)
{
	int64_t most = *mode == 'r' ? dim - 1 : *mode == 'w' ? dim
	             : *mode == 'e' && dim == 0 ? 0 : 3;
	return draw_int(d, one_in(d, 3) ? -dim : 0, most < 3 ? most : 3);
}

static void draw_padding(Draw *d)
{
	static const char *const modes[] = {"constant", "edge", "reflect",
	                                    "wrap"};
	int64_t pads[2 * MAX_RANK];
	Shape x = draw_shape(d, 0, 4);
	const char *mode = modes[numel(x) ? draw_int(d, 0, 3) : 0];
	for (int i = 0; i < x.rank; i++) {
		int64_t *b = &pads[i], *a = &pads[x.rank + i];
		*b = draw_pad(d, x.dim[i], mode);
		*a = draw_pad(d, x.dim[i], mode);
		if (x.dim[i] + *a + *b < 0)
			*a = 0;
	}
	draw_in(d, x);
	draw_attr_ints(d, "pads", 2 * x.rank, pads);
	draw_attr_string(d, "mode", mode);
	if (one_in(d, 3))
		draw_attr_float(d, "value", draw_factor(d));
}

/* The part of `dim` elements that a slice takes, and how many they are. */
static int64_t draw_range(Draw *d, int64_t dim, int64_t *start, int64_t *end,
                          int64_t *step)
{
	*step = draw_int(d, 1, 3);
	*start = draw_int(d, 0, dim);
	*end = draw_int(d, one_in(d, 4) ? 0 : *start, dim);
	if (one_in(d, 2))
		return *end <= *start ? 0
		     : (*end - *start + *step - 1) / *step;
	*step = -*step;
	*start = draw_int(d, 0, dim > 0 ? dim - 1 : 0);
	*end = draw_int(d, -2, one_in(d, 4) ? dim : *start);
	int64_t last = *end < -1 ? -1 : *end;
	return dim == 0 || *start <= last ? 0
	     : (*start - last - *step - 1) / -*step;
}

/* Returns the shape of the slice of `whole`. */
static Shape draw_slice_attrs(Draw *d, Shape whole)
{
	int64_t axes[MAX_RANK], v[3][MAX_RANK];
	int n = draw_axes(d, whole.rank, axes);
	bool first = one_in(d, 4);
	for (int i = 0; i < n; i++) {
		int a = first ? i : axis_from_start(axes[i], whole.rank);
		whole.dim[a] = draw_range(d, whole.dim[a], &v[0][i], &v[1][i],
		                          &v[2][i]);
	}
	draw_attr_ints(d, "starts", n, v[0]);
	draw_attr_ints(d, "ends", n, v[1]);
	draw_attr_ints(d, "steps", n, v[2]);
	if (!first)
		draw_attr_ints(d, "axes", n, axes);
	return whole;
}

static void draw_slice(Draw *d)
{
	Shape x = draw_shape(d, 1, 4);
	draw_in(d, x);
	draw_slice_attrs(d, x);
}

static void draw_slice_grad(Draw *d)
{
	Shape x = draw_shape(d, 1, 4);
	draw_in(d, draw_slice_attrs(d, x));
	draw_attr_ints(d, "shape", x.rank, x.dim);
}

#endif

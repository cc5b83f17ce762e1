/* How the operators with weights, windows, indices and labels are drawn. */
#ifndef TESTS_UNIT_DRAW_LAYERS_H
#define TESTS_UNIT_DRAW_LAYERS_H

#include "tests/unit/draw.h"

/* ---- products ---- */

static void draw_matrix(Draw *d, Shape batch, int64_t rows, int64_t columns,
                        const char *transposed)
{
	bool t = one_in(d, 2);
	Shape s = draw_stretched(d, batch);
	s.dim[s.rank++] = t ? columns : rows;
	s.dim[s.rank++] = t ? rows : columns;
	draw_in(d, s);
	if (t)
		draw_attr_int(d, transposed, 1);
}

static void draw_matmul(Draw *d)
{
	Shape batch = draw_shape(d, 0, one_in(d, 2) ? 3 : 0);
	int64_t m = draw_dim(d), k = draw_dim(d), n = draw_dim(d);
	if (one_in(d, 8))
		draw_in(d, (Shape){1, {k}});
	else
		draw_matrix(d, batch, m, k, "transA");
	if (one_in(d, 8))
		draw_in(d, (Shape){1, {k}});
	else
		draw_matrix(d, batch, k, n, "transB");
}

static void draw_gemm(Draw *d)
{
	int64_t m = draw_dim(d), k = draw_dim(d), n = draw_dim(d);
	draw_matrix(d, (Shape){0}, m, k, "transA");
	draw_matrix(d, (Shape){0}, k, n, "transB");
	if (one_in(d, 2))
		draw_in(d, draw_stretched(d, (Shape){2, {m, n}}));
	if (one_in(d, 2))
		draw_attr_float(d, "alpha", draw_factor(d));
	if (one_in(d, 2))
		draw_attr_float(d, "beta", draw_int(d, 0, 3) ? draw_factor(d)
		                                             : 0);
}

/* ---- windows ---- */

enum { SPATIAL = 3 };

typedef struct DrawnWindow {
	int rank;
	int64_t cells[SPATIAL], stride[SPATIAL], dilation[SPATIAL];
	int64_t pads[2 * SPATIAL];
} DrawnWindow;

static int64_t window_reach(const DrawnWindow *w, int i)
{
	return (w->cells[i] - 1) * w->dilation[i] + 1;
}

/* The attributes are absent, or say it for every dimension. */
static DrawnWindow draw_window(Draw *d)
{
	DrawnWindow w = {.rank = (int)draw_int(d, 1, SPATIAL)};
	bool strides = one_in(d, 2), dilations = one_in(d, 3);
	bool pads = one_in(d, 2);
	for (int i = 0; i < w.rank; i++) {
		w.cells[i] = draw_int(d, 1, w.rank == 3 ? 2 : 4);
		w.stride[i] = strides ? draw_int(d, 1, 4) : 1;
		w.dilation[i] = dilations ? draw_int(d, 1, 3) : 1;
	}
	for (int i = 0; i < 2 * w.rank; i++) {
		int64_t reach = window_reach(&w, i % w.rank);
		w.pads[i] = pads ? draw_int(d, 0, reach < 3 ? reach - 1 : 2)
		                 : 0;
	}
	if (strides)
		draw_attr_ints(d, "strides", w.rank, w.stride);
	if (dilations)
		draw_attr_ints(d, "dilations", w.rank, w.dilation);
	if (pads)
		draw_attr_ints(d, "pads", 2 * w.rank, w.pads);
	return w;
}

/* What a window fits into; as many elements as cells are apart, so that none
 * lies in the padding as a whole. */
static Shape draw_room(Draw *d, const DrawnWindow *w, int64_t channels)
{
	Shape x = {2 + w->rank, {draw_int(d, d->row->full || !one_in(d, 25),
	                                  2), channels}};
	for (int i = 0; i < w->rank; i++) {
		int64_t least = window_reach(w, i) - w->pads[i] -
		                w->pads[w->rank + i];
		if (least < w->dilation[i])
			least = w->dilation[i];
		x.dim[2 + i] = least + draw_int(d, 0, w->rank == 3 ? 2 : 4);
	}
	return x;
}

static Shape draw_weight(const DrawnWindow *w, int64_t out, int64_t in)
{
	Shape s = {2 + w->rank, {out, in}};
	for (int i = 0; i < w->rank; i++)
		s.dim[2 + i] = w->cells[i];
	return s;
}

static void draw_conv(Draw *d)
{
	int64_t groups = one_in(d, 3) ? draw_int(d, 2, 3) : 1;
	int64_t in = draw_int(d, 1, 2), out = draw_int(d, 1, 3) * groups;
	DrawnWindow w = draw_window(d);
	draw_in(d, draw_room(d, &w, in * groups));
	draw_in(d, draw_weight(&w, out, in));
	if (one_in(d, 2))
		draw_in(d, (Shape){1, {out}});
	if (groups > 1)
		draw_attr_int(d, "group", groups);
	if (one_in(d, 4))
		draw_attr_ints(d, "kernel_shape", w.rank, w.cells);
}

/* As many elements as leave some when the pads are cut off. */
static void draw_conv_transpose(Draw *d)
{
	int64_t groups = one_in(d, 3) ? 2 : 1, extra[SPATIAL];
	int64_t in = draw_int(d, 1, 2) * groups, out = draw_int(d, 1, 2);
	DrawnWindow w = draw_window(d);
	Shape x = {2 + w.rank, {draw_batch(d, 2), in}};
	for (int i = 0; i < w.rank; i++) {
		int64_t cut = w.pads[i] + w.pads[w.rank + i];
		int64_t more = cut < window_reach(&w, i) ? 0 : cut / w.stride[i];
		x.dim[2 + i] = 1 + more + draw_int(d, 0, 2);
		extra[i] = draw_int(d, 0, w.stride[i] - 1);
	}
	draw_in(d, x);
	draw_in(d, draw_weight(&w, in, out));
	if (one_in(d, 2))
		draw_in(d, (Shape){1, {out * groups}});
	if (groups > 1)
		draw_attr_int(d, "group", groups);
	if (one_in(d, 2))
		draw_attr_ints(d, "output_padding", w.rank, extra);
}

static void draw_pool(Draw *d)
{
	DrawnWindow w = draw_window(d);
	draw_in(d, draw_room(d, &w, draw_int(d, 1, 2)));
	draw_attr_ints(d, "kernel_shape", w.rank, w.cells);
	draw_attr_flag(d, "ceil_mode");
	if (op_attr(d->row->op, "count_include_pad") >= 0)
		draw_attr_flag(d, "count_include_pad");
	d->e.nout = (int)draw_int(d, 1, d->row->op->max_out > 1 ? 2 : 1);
}

static void draw_lp_pool(Draw *d)
{
	draw_pool(d);
	if (one_in(d, 2))
		draw_attr_int(d, "p", draw_int(d, 1, 4));
}

static void draw_global_pool(Draw *d)
{
	Shape x = draw_shape(d, 3, 5);
	x.dim[0] = draw_batch(d, x.dim[0]);
	draw_in(d, x);
	d->e.nout = (int)draw_int(d, 1, d->row->op->max_out > 1 ? 2 : 1);
}

/* Tables of places, some of them outside, and their weights. */
static void draw_resize(Draw *d)
{
	int64_t order[MAX_RANK], taps[MAX_RANK];
	Shape x = draw_shape(d, 1, 4);
	int n = (int)draw_int(d, 1, x.rank < 3 ? x.rank : 3);
	draw_in(d, x);
	draw_order(d, order, x.rank);
	for (int i = 0; i < n; i++) {
		taps[i] = draw_int(d, 1, 3);
		Shape table = {1, {taps[i] * draw_int(d, 1, 4)}};
		double last = (double)(x.dim[order[i]] - 1);
		draw_in_of(d, table, DT_I32, one_in(d, 3) ? -1 : 0, last);
		d->e.in[d->e.nin - 1].constant = true;
		if (taps[i] == 1 && one_in(d, 2))
			draw_absent(d);
		else
			draw_in_of(d, table, DT_F32, -1, 1)->constant = true;
	}
	draw_attr_ints(d, "axes", n, order);
	draw_attr_ints(d, "taps", n, taps);
	if (one_in(d, 3))
		draw_attr_float(d, "outside", draw_factor(d));
}

/* ---- recurrences ---- */

static void draw_recurrence(Draw *d, int gates, Shape *state)
{
	int64_t steps = draw_int(d, 1, 4), batch = draw_batch(d, 3);
	int64_t hidden = draw_int(d, 1, 3);
	*state = (Shape){2, {batch, hidden}};
	draw_in(d, (Shape){3, {steps, batch, gates * hidden}});
	draw_in(d, (Shape){2, {gates * hidden, hidden}});
	if (one_in(d, 2))
		draw_in_of(d, (Shape){1, {batch}}, DT_I32, 1, (double)steps);
	else
		draw_absent(d);
	draw_attr_flag(d, "reverse");
}

static void draw_optional(Draw *d, Shape s)
{
	if (one_in(d, 2))
		draw_in(d, s);
	else
		draw_absent(d);
}

static void draw_rnn(Draw *d)
{
	Shape state;
	draw_recurrence(d, 1, &state);
	draw_optional(d, state);
	if (one_in(d, 2))
		draw_attr_string(d, "activation", one_in(d, 2) ? "Relu"
		                                               : "Tanh");
	d->e.nout = d->row->op->max_out;
}

static void draw_lstm(Draw *d)
{
	int64_t order[4];
	Shape state;
	draw_recurrence(d, 4, &state);
	draw_optional(d, state);
	draw_optional(d, state);
	draw_optional(d, (Shape){1, {3 * state.dim[1]}});
	draw_order(d, order, 4);
	if (one_in(d, 2))
		draw_attr_ints(d, "order", 4, order);
	d->e.nout = one_in(d, 2) ? 4 : 6;
}

static void draw_gru(Draw *d)
{
	static const int64_t order[] = {1, 0, 2};
	Shape state;
	draw_recurrence(d, 3, &state);
	draw_optional(d, state);
	if (one_in(d, 2)) {
		draw_attr_int(d, "linear_before_reset", 1);
		draw_optional(d, (Shape){1, {3 * state.dim[1]}});
	}
	if (one_in(d, 2))
		draw_attr_ints(d, "order", 3, order);
	d->e.nout = (int)draw_int(d, 3, 4);
}

/* ---- by index ---- */

/* The data, or its gradient together with the data's shape. */
static void draw_whole(Draw *d, Shape whole, Shape part)
{
	bool gradient = op_attr(d->row->op, "shape") >= 0;
	draw_in(d, gradient ? part : whole);
	if (gradient)
		draw_attr_ints(d, "shape", whole.rank, whole.dim);
}

static void draw_gather(Draw *d)
{
	Shape x = draw_shape(d, 1, 4), index = draw_shape(d, 0, 2), y = {0};
	int axis = draw_attr_axis(d, "axis", x.rank);
	for (int i = 0; i < axis; i++)
		y.dim[y.rank++] = x.dim[i];
	for (int i = 0; i < index.rank; i++)
		y.dim[y.rank++] = index.dim[i];
	for (int i = axis + 1; i < x.rank; i++)
		y.dim[y.rank++] = x.dim[i];
	draw_whole(d, x, y);
	draw_indices(d, index, x.dim[axis]);
}

/* Of the data's shape or less, but for the axis. */
static Shape draw_index_shape(Draw *d, Shape x, int axis)
{
	for (int i = 0; i < x.rank; i++)
		if (i == axis)
			x.dim[i] = draw_dim(d);
		else if (one_in(d, 3))
			x.dim[i] = draw_int(d, x.dim[i] > 0, x.dim[i]);
	return x;
}

static void draw_gather_elements(Draw *d)
{
	Shape x = draw_shape(d, 1, 4);
	int axis = draw_attr_axis(d, "axis", x.rank);
	Shape index = draw_index_shape(d, x, axis);
	draw_whole(d, x, index);
	draw_indices(d, index, x.dim[axis]);
}

/* The shape of the indices of `tuple` numbers behind `batch` dimensions, and of
 * the part of x that they name. */
static Shape draw_tuples(Draw *d, Shape x, int batch, int tuple, Shape *part)
{
	Shape index = x;
	index.rank = batch;
	for (int more = (int)draw_int(d, 0, 2); more > 0; more--)
		index.dim[index.rank++] = draw_int(d, 1, 3);
	*part = index;
	for (int i = batch + tuple; i < x.rank; i++)
		part->dim[part->rank++] = x.dim[i];
	index.dim[index.rank++] = tuple;
	return index;
}

/* One number for all in a tuple: it must be in the least dimension. */
static int64_t least_of(Shape x, int first, int n)
{
	int64_t least = x.dim[first];
	for (int i = first; i < first + n; i++)
		least = x.dim[i] < least ? x.dim[i] : least;
	return least;
}

static void draw_gather_nd(Draw *d)
{
	Shape x = draw_shape(d, 1, 4), part;
	int batch = (int)draw_int(d, 0, one_in(d, 2) ? x.rank - 1 : 0);
	int tuple = (int)draw_int(d, 1, x.rank - batch);
	Shape index = draw_tuples(d, x, batch, tuple, &part);
	draw_whole(d, x, part);
	draw_indices(d, index, least_of(x, batch, tuple));
	if (batch)
		draw_attr_int(d, "batch_dims", batch);
}

/* What is written twice is not only replaced: the order would decide. */
static void draw_reduction(Draw *d, bool twice)
{
	static const char *const how[] = {"add", "mul", "max", "min", "none"};
	if (twice || one_in(d, 2))
		draw_attr_string(d, "reduction", how[draw_int(d, 0, twice ? 3 : 4)]);
}

static void draw_scatter_elements(Draw *d)
{
	Shape x = draw_shape(d, 1, 4);
	int axis = draw_attr_axis(d, "axis", x.rank);
	Shape index = draw_index_shape(d, x, axis);
	if (one_in(d, 2))
		index.dim[axis] = 1;
	draw_in(d, x);
	draw_indices(d, index, x.dim[axis]);
	draw_in(d, index);
	draw_reduction(d, index.dim[axis] > 1);
}

static void draw_scatter_nd(Draw *d)
{
	Shape x = draw_shape(d, 1, 4), part;
	int tuple = (int)draw_int(d, 1, x.rank);
	Shape index = draw_tuples(d, x, 0, tuple, &part);
	draw_in(d, x);
	draw_indices(d, index, least_of(x, 0, tuple));
	draw_in(d, part);
	draw_reduction(d, numel(index) > tuple);
}

static void draw_one_hot(Draw *d)
{
	Shape index = draw_shape(d, 0, 3);
	int64_t depth = draw_dim(d);
	draw_indices(d, index, depth);
	draw_in(d, (Shape){1, {2}});
	draw_attr_axis(d, "axis", index.rank + 1);
	draw_attr_int(d, "depth", depth);
}

/* ---- labels ---- */

static void draw_class_loss(Draw *d)
{
	static const char *const how[] = {"mean", "sum", "none"};
	Shape x = draw_shape(d, 1, 4), labels = {0};
	int axis = draw_attr_axis(d, "axis", x.rank), reduction;
	for (int i = 0; i < x.rank; i++)
		if (i != axis)
			labels.dim[labels.rank++] = x.dim[i];
	if (x.dim[axis] == 0)
		x.dim[axis] = 1;
	draw_in(d, x);
	draw_indices(d, labels, x.dim[axis]);
	draw_attr_string(d, "reduction", how[reduction = (int)draw_int(d, 0, 2)]);
	if (one_in(d, 2))
		draw_attr_int(d, "ignore_index", draw_int(d, 0, x.dim[axis]));
	if (op_attr(d->row->op, "label_smoothing") >= 0 && one_in(d, 2))
		draw_attr_float(d, "label_smoothing", random_unit(&d->random));
	if (!one_in(d, 2))
		return;
	draw_in_of(d, (Shape){1, {x.dim[axis]}}, d->real, 0.5, 2)->constant =
		true;
	if (reduction == 0 && one_in(d, 2))
		draw_in_of(d, (Shape){0}, d->real, 2, 9)->constant = true;
}

#endif

#include "ir/window.h"

static int64_t int_or(const Attr *a, int i, int64_t otherwise)
{
	return a->set ? a->ints[i] : otherwise;
}

Window window_of(const Node *n, Shape x, const int64_t *cells)
{
	Window w = {.rank = x.rank - 2};
	for (int d = 0; d < w.rank; d++) {
		w.cells[d] = cells ? cells[d] : n->attr[W_KERNEL].ints[d];
		w.stride[d] = int_or(&n->attr[W_STRIDES], d, 1);
		w.dilation[d] = int_or(&n->attr[W_DILATIONS], d, 1);
		w.begin[d] = int_or(&n->attr[W_PADS], d, 0);
		w.end[d] = int_or(&n->attr[W_PADS], w.rank + d, 0);
	}
	return w;
}

/* One number per dimension, within limits that keep all sums in range. */
static bool check_ints(Unit *u, const Node *n, int which, int count,
                       int64_t least)
{
	const Attr *a = &n->attr[which];
	const char *name = n->op->attrs[which].name;
	if (!a->set)
		return true;
	if (a->n != count) {
		error_at(u, n->loc, "%s has %d numbers, expected %d", name,
		         a->n, count);
		return false;
	}
	for (int i = 0; i < count; i++)
		if (a->ints[i] < least || a->ints[i] > INT32_MAX) {
			error_at(u, n->loc, "%s[%d] is %lld, expected %lld to %d",
			         name, i, (long long)a->ints[i],
			         (long long)least, INT32_MAX);
			return false;
		}
	return true;
}

static bool check_kernel(Unit *u, const Node *n, int rank, const int64_t *cells)
{
	const Attr *a = &n->attr[W_KERNEL];
	if (!a->set && !cells) {
		error_at(u, n->loc, "has no kernel_shape");
		return false;
	}
	if (!check_ints(u, n, W_KERNEL, rank, 1))
		return false;
	for (int d = 0; cells && d < rank; d++) {
		if (cells[d] < 1 || cells[d] > INT32_MAX) {
			error_at(u, n->loc, "weight has %lld cells along spatial "
			         "dimension %d", (long long)cells[d], d);
			return false;
		}
		if (a->set && a->ints[d] != cells[d]) {
			error_at(u, n->loc, "kernel_shape[%d] is %lld, weight "
			         "has %lld", d, (long long)a->ints[d],
			         (long long)cells[d]);
			return false;
		}
	}
	return true;
}

bool window_check(Unit *u, const Node *n, Shape x, const int64_t *cells)
{
	int rank = x.rank - 2;
	if (rank < 1 || rank > MAX_SPATIAL) {
		error_at(u, n->loc, "input has %d dimensions, expected 3 to %d",
		         x.rank, 2 + MAX_SPATIAL);
		return false;
	}
	return check_kernel(u, n, rank, cells) &&
	       check_ints(u, n, W_STRIDES, rank, 1) &&
	       check_ints(u, n, W_DILATIONS, rank, 1) &&
	       check_ints(u, n, W_PADS, 2 * rank, 0);
}

/* A last window that would begin in the padding at the end does not count. */
static int64_t count_outputs(const Window *w, int d, int64_t in, bool ceil)
{
	int64_t reach = (w->cells[d] - 1) * w->dilation[d] + 1;
	int64_t room = in + w->begin[d] + w->end[d] - reach;
	int64_t count = (room + (ceil ? w->stride[d] - 1 : 0)) / w->stride[d] + 1;
	if (room < 0)
		return 0;
	if (ceil && (count - 1) * w->stride[d] >= in + w->begin[d])
		count--;
	return count;
}

bool window_outputs(Unit *u, const Node *n, const Window *w, Shape x, bool ceil,
                    Shape *y)
{
	y->rank = x.rank;
	for (int d = 0; d < w->rank; d++) {
		y->dim[2 + d] = count_outputs(w, d, x.dim[2 + d], ceil);
		if (y->dim[2 + d] > 0)
			continue;
		error_at(u, n->loc, "a window of %lld cells, dilation %lld, does "
		         "not fit into %lld elements with %lld of padding",
		         (long long)w->cells[d], (long long)w->dilation[d],
		         (long long)x.dim[2 + d],
		         (long long)(w->begin[d] + w->end[d]));
		return false;
	}
	return true;
}

int64_t window_cells(const Window *w)
{
	int64_t count = 1;
	for (int d = 0; d < w->rank; d++)
		count *= w->cells[d];
	return count;
}

Index window_at(const Window *w, int d, Index output, Index cell)
{
	return k_plus(k_sum(k_scaled(output, w->stride[d]),
	                    k_scaled(cell, w->dilation[d])), -w->begin[d]);
}

void window_for_outputs(Kernel *k, const Window *w, Shape y, int loop[])
{
	for (int d = 0; d < w->rank; d++)
		loop[d] = k_for(k, y.dim[2 + d]);
}

void window_for_cells(Kernel *k, const Window *w, int loop[])
{
	for (int d = 0; d < w->rank; d++)
		loop[d] = k_for(k, w->cells[d]);
}

void window_index(const Window *w, int n, int c, const int output[],
                  const int cell[], Index at[])
{
	at[0] = k_at(n);
	at[1] = k_at(c);
	for (int d = 0; d < w->rank; d++)
		at[2 + d] = window_at(w, d, k_at(output[d]), k_at(cell[d]));
}

/* ceil(-start / dilation), at least 0, where the window starts at `start`. */
Expr *window_first_cell(Kernel *k, const Window *w, int d, int o)
{
	if (w->begin[d] == 0)
		return k_typed(k, DT_I32, 0);
	Index gap = k_plus(k_scaled(k_at(o), -w->stride[d]),
	                   w->begin[d] + w->dilation[d] - 1);
	Expr *skip = k_div(k, k_index(k, gap),
	                   k_typed(k, DT_I32, (double)w->dilation[d]));
	return k_max(k, skip, k_typed(k, DT_I32, 0));
}

/* Cells before `limit`, which counts from the window's start. */
static Expr *cells_before(Kernel *k, const Window *w, int d, Index limit)
{
	Expr *count = k_div(k, k_index(k, k_plus(limit, w->dilation[d] - 1)),
	                    k_typed(k, DT_I32, (double)w->dilation[d]));
	return k_min(k, k_max(k, count, k_typed(k, DT_I32, 0)),
	             k_typed(k, DT_I32, (double)w->cells[d]));
}

Expr *window_count(Kernel *k, const Window *w, int d, int o, int64_t in,
                   int64_t outputs, bool count_pads)
{
	int64_t last = (outputs - 1) * w->stride[d] +
	               (w->cells[d] - 1) * w->dilation[d] - w->begin[d];
	int64_t limit = count_pads ? in + w->end[d] : in;
	Index room = k_plus(k_scaled(k_at(o), -w->stride[d]),
	                    w->begin[d] + limit);
	bool hangs_over = last >= limit;
	bool begins_before = !count_pads && w->begin[d] > 0;
	Expr *count = k_typed(k, DT_I32, (double)w->cells[d]);
	if (hangs_over)
		count = cells_before(k, w, d, room);
	if (begins_before)
		count = k_sub(k, count, window_first_cell(k, w, d, o));
	return count;
}

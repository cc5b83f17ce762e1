/*
 * A value is followed back to the data that it is computed from. What is
 * followed is the distance in memory of two examples: a Reshape keeps it, a
 * product along the last dimension scales it, and most other nodes leave the
 * dimension where it is.
 */
#include "ir/batch_axis.h"

#include "ir/gather.h"
#include "ir/op.h"
#include "ir/recurrence.h"

typedef struct Search {
	bool *seen;           /* by value id */
	int64_t batch;
	Value *data;          /* what was found, */
	int axis;             /*   and which dimension of it */
} Search;

static int64_t stride_of(Shape s, int axis)
{
	int64_t stride[MAX_RANK];
	shape_strides(s, stride);
	return stride[axis];
}

/* -1: no dimension is just that. */
static int axis_at(Shape s, int64_t stride, int64_t size)
{
	for (int a = 0; a < s.rank; a++)
		if (s.dim[a] == size && stride_of(s, a) == stride)
			return a;
	return -1;
}

/* ---- one node back ---- */

static bool is_recurrence(const Node *n)
{
	return n->op == &op_LSTMRecurrence || n->op == &op_GRURecurrence ||
	       n->op == &op_RNNRecurrence;
}

/* The gates are [T,N,..] or [N,T,..], initial states [N,H]. */
static int64_t before_recurrence(const Node *n, int i)
{
	enum { GATES, INITIAL = 3 };
	Shape x = n->in[i]->shape;
	if (i == GATES)
		return stride_of(x, !attr_int(n, RECURRENCE_LAYOUT));
	return i >= INITIAL && x.rank == 2 ? stride_of(x, 0) : 0;
}

/* y[a.., i.., b..]: examples are of the indices, or lie within the b. */
static int64_t before_gather(const Node *n, int i, int64_t stride,
                             int64_t batch)
{
	Shape x = n->in[0]->shape;
	int64_t behind = stride_of(x, gather_axis(n, x));
	if (i == 0)
		return stride * batch <= behind ? stride : 0;
	return stride % behind ? 0 : stride / behind;
}

static int64_t before_product(const Node *n, int i, int64_t stride)
{
	Shape x = n->in[0]->shape, y = n->out[0]->shape;
	int64_t width = y.dim[y.rank - 1];
	if (i || n->in[1]->shape.rank != 2 || stride % width ||
	    n->attr[op_attr(n->op, "transA")].i)
		return 0;
	return stride / width * x.dim[x.rank - 1];
}

static int64_t same_axis(Shape x, Shape y, int axis)
{
	return axis >= 0 && x.rank == y.rank && x.dim[axis] == y.dim[axis]
	       ? stride_of(x, axis) : 0;
}

/* How far apart examples are in input i, if in the output they are that far;
 * 0: it cannot be told. */
static int64_t before(const Node *n, int i, Shape y, int64_t stride,
                      int64_t batch)
{
	Shape x = n->in[i]->shape;
	int axis = axis_at(y, stride, batch);
	if (n->op->view)
		return stride;
	if (is_recurrence(n))
		return before_recurrence(n, i);
	if (n->op == &op_Gather)
		return before_gather(n, i, stride, batch);
	if (n->op == &op_Transpose)
		return axis < 0 ? 0 : stride_of(x, (int)n->attr[op_attr(
			n->op, "perm")].ints[axis]);
	if (n->op == &op_Gemm || n->op == &op_MatMul) {
		int64_t of_rows = before_product(n, i, stride);
		return of_rows ? of_rows : same_axis(x, y, axis);
	}
	return same_axis(x, y, axis);
}

static void follow(Search *s, Value *v, int64_t stride)
{
	if (s->data || s->seen[v->id])
		return;
	s->seen[v->id] = true;
	int axis = axis_at(v->shape, stride, s->batch);
	if (v->kind == V_INPUT && v->role == IN_DATA && axis >= 0) {
		s->data = v;
		s->axis = axis;
	}
	for (int i = 0; v->def && i < v->def->nin; i++) {
		Value *x = v->def->in[i];
		int64_t distance = x ? before(v->def, i, v->shape, stride,
		                              s->batch) : 0;
		if (distance)
			follow(s, x, distance);
	}
}

static Search follow_axis(Arena *a, const Graph *g, const Value *v, int axis,
                          int64_t batch)
{
	Search s = {.seen = arena_array(a, bool, g->nvalues), .batch = batch};
	follow(&s, (Value *)v, stride_of(v->shape, axis));
	return s;
}

/* ---- the questions ---- */

static void look_from(Arena *a, Graph *g, const Node *n, int i)
{
	if (i >= n->nin || !n->in[i] || n->in[i]->shape.rank < 2)
		return;
	bool lines = n->in[i]->shape.rank == 3;
	int axis = lines && !attr_int(n, RECURRENCE_LAYOUT);
	Search s = follow_axis(a, g, n->in[i], axis,
	                       n->in[i]->shape.dim[axis]);
	if (s.data && !s.data->batch_axis)
		s.data->batch_axis = s.axis;
}

/* What has no such dimension is no data that there is a sample of. */
static bool set_batch(Graph *g, int axis)
{
	bool found = false;
	for (int i = 0; i < g->ninputs; i++) {
		Value *v = g->input[i];
		if (v->role != IN_DATA || v->shape.rank <= axis)
			continue;
		v->batch_axis = v->model_axis = axis;
		found = true;
	}
	if (!found)
		error_at(g->unit, (Loc){0}, "no input of the model has a "
		         "dimension %d to be the batch", axis);
	return found;
}

bool graph_find_batch(Graph *g, int axis)
{
	if (axis)
		return set_batch(g, axis);
	static const int inputs[] = {0, 3, 4};   /* gates, initial states */
	Arena *scratch = arena_create();
	for (const Node *n = g->first; n; n = n->next)
		for (int i = 0; is_recurrence(n) && i < 3; i++)
			look_from(scratch, g, n, inputs[i]);
	for (int i = 0; i < g->ninputs; i++)
		g->input[i]->model_axis = g->input[i]->batch_axis;
	arena_destroy(scratch);
	return true;
}

static bool all_first(const Graph *g)
{
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->batch_axis)
			return false;
	return true;
}

/* The first dimension of which the batch is all, or a part; -1: none. */
static int find_axis(Graph *g, const Value *v, bool all)
{
	int found = -1;
	int64_t batch = graph_batch(g);
	if (all_first(g))
		return -1;
	Arena *scratch = arena_create();
	for (int axis = v->shape.rank - 1; axis >= 0; axis--) {
		int64_t dim = v->shape.dim[axis];
		if (dim % batch || (dim == batch) != all)
			continue;
		Search s = follow_axis(scratch, g, v, axis, batch);
		if (s.data && s.axis == s.data->batch_axis)
			found = axis;
	}
	arena_destroy(scratch);
	return found;
}

int value_batch_axis(Graph *g, const Value *v)
{
	int axis = find_axis(g, v, true);
	return axis < 0 ? 0 : axis;
}

int value_merged_axis(Graph *g, const Value *v)
{
	return find_axis(g, v, true) < 0 ? find_axis(g, v, false) : -1;
}

Shape value_model_shape(const Value *v)
{
	Shape s = v->shape;
	for (int a = v->batch_axis; a < v->model_axis; a++)
		s.dim[a] = v->shape.dim[a + 1];
	if (v->shape.rank)
		s.dim[v->model_axis] = v->shape.dim[v->batch_axis];
	return s;
}

int64_t value_batch_run(const Value *v, int64_t batch)
{
	int64_t dim = v->shape.rank ? v->shape.dim[v->batch_axis] : 0;
	if (!dim || dim % batch)   /* it has samples, but no such dimension */
		return numel(v->shape) > batch ? numel(v->shape) / batch : 1;
	int64_t run = dim / batch;
	for (int a = v->batch_axis + 1; a < v->shape.rank; a++)
		run *= v->shape.dim[a];
	return run;
}

bool value_has_batch(const Graph *g, const Value *v)
{
	int64_t batch = graph_batch(g);
	return batch && value_is_data(v) && v->shape.rank > v->batch_axis &&
	       v->shape.dim[v->batch_axis] % batch == 0;
}

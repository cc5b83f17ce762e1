#include "ir/classes.h"

#include <string.h>

/* ---- types and shapes ---- */

static Shape labels_shape(const Node *n)
{
	Shape x = n->in[0]->shape, s = {.rank = x.rank - 1};
	int axis = axis_of(n, x);
	for (int a = 0; a < s.rank; a++)
		s.dim[a] = x.dim[a < axis ? a : a + 1];
	return s;
}

static bool check_labels(Unit *u, const Node *n)
{
	const Value *labels = n->in[1];
	Shape want = labels_shape(n);
	if (shape_equal(labels->shape, want) &&
	    (labels->dtype == DT_I32 || labels->dtype == DT_I64))
		return true;
	error_at(u, n->loc, "labels are %s%s, expected i32 or i64 %s",
	         dtype_name(labels->dtype), shape_text(u->arena, labels->shape),
	         shape_text(u->arena, want));
	return false;
}

static bool check_weights(Unit *u, const Node *n, const Value *weights)
{
	const Value *x = n->in[0];
	Shape want = {1, {x->shape.dim[axis_of(n, x->shape)]}};
	if (!weights || (weights->dtype == x->dtype &&
	                 shape_equal(weights->shape, want)))
		return true;
	error_at(u, n->loc, "class weights are %s%s, expected %s%s",
	         dtype_name(weights->dtype),
	         shape_text(u->arena, weights->shape), dtype_name(x->dtype),
	         shape_text(u->arena, want));
	return false;
}

static const Value *input_or_null(const Node *n, int i)
{
	return i < n->nin ? n->in[i] : NULL;
}

static bool reduces(const Node *n, const char *how)
{
	return !strcmp(n->attr[REDUCTION].s, how);
}

static bool check_total(Unit *u, const Node *n, const Value *total)
{
	if (!total || (total->dtype == n->in[0]->dtype &&
	               total->shape.rank == 0 && reduces(n, "mean")))
		return true;
	error_at(u, n->loc, "the total is %s%s by '%s', expected %s[] by "
	         "'mean'", dtype_name(total->dtype),
	         shape_text(u->arena, total->shape), n->attr[REDUCTION].s,
	         dtype_name(n->in[0]->dtype));
	return false;
}

/* weights: the number of that input. */
static bool check(Unit *u, const Node *n, int weights)
{
	const Shape x = n->in[0]->shape;
	int axis;
	if (!infer_axis(u, n, attr_int(n, AXIS), x.rank, &axis))
		return false;
	if (!x.dim[axis]) {
		error_at(u, n->loc, "axis %d of %s has no classes", axis,
		         shape_text(u->arena, x));
		return false;
	}
	if (!reduces(n, "mean") && !reduces(n, "sum") && !reduces(n, "none")) {
		error_at(u, n->loc, "reduction is '%s', expected mean, sum or "
		         "none", n->attr[REDUCTION].s);
		return false;
	}
	return check_labels(u, n) &&
	       check_weights(u, n, input_or_null(n, weights)) &&
	       check_total(u, n, input_or_null(n, weights + 1));
}

static Shape loss_shape(const Node *n)
{
	return reduces(n, "none") ? labels_shape(n) : (Shape){0};
}

bool class_loss_infer(Unit *u, Node *n)
{
	if (!check(u, n, 2))
		return false;
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = loss_shape(n);
	return true;
}

bool class_grad_infer(Unit *u, Node *n)
{
	if (!check(u, n, 3))
		return false;
	if (shape_equal(n->in[2]->shape, loss_shape(n)))
		return infer_like(n, 0, 0);
	error_at(u, n->loc, "the loss's gradient has shape %s, expected %s",
	         shape_text(u->arena, n->in[2]->shape),
	         shape_text(u->arena, loss_shape(n)));
	return false;
}

/* ---- parts ---- */

/* Are x and labels in parts, and the third input, dloss, if it is one number
 * for each label? */
static bool in_rows(const Node *n, const bool part[], bool each)
{
	return axis_of(n, n->in[0]->shape) > 0 &&
	       parts_are_first(n, part, each ? 3 : 2);
}

static bool lacks_total(const Node *n, int weights)
{
	return reduces(n, "mean") && !input_or_null(n, weights + 1);
}

bool class_loss_parts(const Node *n, const bool part[], PartKind out[])
{
	return in_rows(n, part, false) && !lacks_total(n, 2) &&
	       parts_give(n, reduces(n, "none") ? PART_ROWS : PART_SUM, out);
}

bool class_grad_parts(const Node *n, const bool part[], PartKind out[])
{
	return in_rows(n, part, reduces(n, "none")) && !lacks_total(n, 3) &&
	       parts_give(n, PART_ROWS, out);
}

/* ---- loops ---- */

ClassLoss class_loss_make(const Node *n, int weights)
{
	const Value *x = n->in[0];
	return (ClassLoss){
		.n = n, .x = x, .labels = n->in[1],
		.weights = input_or_null(n, weights),
		.total = input_or_null(n, weights + 1),
		.mean = reduces(n, "mean"), .each = reduces(n, "none"),
		.classes = x->shape.dim[axis_of(n, x->shape)],
	};
}

/* Indexes of the element that belongs to the open line. */
static void label_at(const ClassLoss *l, Index at[])
{
	for (int a = 0, d = 0; a < l->line.rank; a++)
		if (a != l->line.axis)
			at[d++] = l->line.at[a];
}

Expr *class_counts(Kernel *k, int label, int64_t classes, const Attr *ignore)
{
	Expr *t = k_get(k, label);
	Expr *ok = k_and(k, k_ge(k, t, k_num(k, 0)),
	                 k_lt(k, t, k_num(k, (double)classes)));
	if (ignore->set)
		ok = k_and(k, ok, k_ne(k, t, k_num(k, (double)ignore->i)));
	return ok;
}

Expr *class_weight(Kernel *k, int label, Expr *counts, const Value *weights,
                   DType type)
{
	Index at = k_indirect(label);
	Expr *w = weights ? k_load_padded(k, weights, &at, 0)
	                  : k_typed(k, type, 1);
	return k_sel(k, counts, w, k_num(k, 0));
}

void class_loss_open(Kernel *k, ClassLoss *l)
{
	Index at[MAX_RANK];
	l->line = line_open(k, l->n, l->x->shape);
	label_at(l, at);
	l->label = k_var(k, k_load_at(k, l->labels, at));
	DType type = compute_type(l->x->dtype);
	l->counts = k_var(k, class_counts(k, l->label, l->classes,
	                                  &l->n->attr[IGNORE_INDEX]));
	l->weight = k_var(k, class_weight(k, l->label, k_get(k, l->counts),
	                                  l->weights, type));
}

Expr *class_loss_load(Kernel *k, const ClassLoss *l, const Value *v)
{
	Index at[MAX_RANK];
	if (l->each)
		label_at(l, at);
	return k_load_at(k, v, at);
}

Expr *class_loss_weight(Kernel *k, const ClassLoss *l)
{
	if (!l->weights)
		return k_typed(k, compute_type(l->x->dtype), 1);
	return k_load_at(k, l->weights, &l->line.at[l->line.axis]);
}

Expr *class_loss_picked(Kernel *k, const ClassLoss *l)
{
	Index at[MAX_RANK];
	memcpy(at, l->line.at, sizeof at);
	at[l->line.axis] = k_indirect(l->label);
	return k_load_padded(k, l->x, at, 0);
}

Expr *class_divisor(Kernel *k, int sum)
{
	Expr *x = k_get(k, sum);
	return k_sel(k, k_ne(k, x, k_num(k, 0)), x, k_num(k, 1));
}

static void add_to(Kernel *k, int sum, Expr *x)
{
	k_set(k, sum, k_add(k, k_get(k, sum), x));
}

int class_loss_total(Kernel *k, ClassLoss *l)
{
	if (l->total)
		return k_var(k, k_load_at(k, l->total, NULL));
	int sum = k_var(k, k_typed(k, compute_type(l->x->dtype), 0));
	class_loss_open(k, l);
	add_to(k, sum, k_get(k, l->weight));
	line_close(k, &l->line);
	return k_var(k, class_divisor(k, sum));
}

static void lower_each(Kernel *k, ClassLoss *l,
                       Expr *(*line_loss)(Kernel *, ClassLoss *))
{
	Index at[MAX_RANK];
	class_loss_open(k, l);
	label_at(l, at);
	k_store_at(k, l->n->out[0], at, line_loss(k, l));
	line_close(k, &l->line);
}

void class_loss_lower(Kernel *k, const Node *n,
                      Expr *(*line_loss)(Kernel *, ClassLoss *))
{
	ClassLoss l = class_loss_make(n, 2);
	DType type = compute_type(l.x->dtype);
	if (l.each) {
		lower_each(k, &l, line_loss);
		return;
	}
	int loss = k_var(k, k_typed(k, type, 0));
	int weight = k_var(k, k_typed(k, type, 0));
	class_loss_open(k, &l);
	add_to(k, loss, line_loss(k, &l));
	add_to(k, weight, k_get(k, l.weight));
	line_close(k, &l.line);
	Expr *y = k_get(k, loss);
	if (l.mean)
		y = k_div(k, y, l.total ? k_load_at(k, l.total, NULL)
		                        : class_divisor(k, weight));
	k_store_at(k, n->out[0], NULL, y);
}

/* ---- gradient ---- */

void class_loss_grad(Graph *g, Node *n, const OpDef *op, Value *dy,
                     const bool want[], Value *dx[])
{
	if (n->nin > 2 && want[2])
		error_at(g->unit, n->loc, "its class weights cannot train; "
		         "freeze them");
	if (n->nin > 3 && want[3])
		error_at(g->unit, n->loc, "its total cannot train");
	if (!want[0])
		return;
	Value *in[5] = {n->in[0], n->in[1], dy};
	for (int i = 2; i < n->nin; i++)
		in[1 + i] = n->in[i];
	Node *e = node_new(g, n->loc, op, n->nin + 1, in);
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

/* Appends the loss that the options name to a forward graph. */
#include "ir/batch_axis.h"
#include "ir/build.h"
#include "ir/op.h"
#include "passes/train.h"

#include <string.h>

static Loc loss_loc = {"loss", "Loss"};

const Output *find_loss_output(const Graph *g, const LossOptions *l)
{
	for (int i = 0; i < g->noutputs; i++) {
		const Output *o = &g->output[i];
		if (o->role == OUT_DATA &&
		    (l->output ? !strcmp(o->name, l->output)
		               : dtype_is_float(o->value->dtype)))
			return o;
	}
	return NULL;
}

/* NULL after an error. */
static Value *loss_output(Graph *g, const LossOptions *l)
{
	const Output *o = find_loss_output(g, l);
	if (o)
		return o->value;
	if (l->output)
		error_at(g->unit, (Loc){0}, "the model has no output '%s' for the "
		         "loss", l->output);
	else
		error_at(g->unit, (Loc){0}, "the model has no output of "
		         "floating-point numbers for the loss");
	return NULL;
}

static Value *target(Graph *g, DType type, Shape s, int batch_axis)
{
	Value *t = graph_input(g, "target", IN_TARGET, type, s);
	t->batch_axis = t->model_axis = batch_axis;
	return t;
}

static Value *reduce(Graph *g, const LossOptions *l, Value *each)
{
	Node *n = l->sum ? NEW(g, loss_loc, op_ReduceSum, each)
	                 : NEW(g, loss_loc, op_ReduceMean, each);
	node_set_int(g, n, "keepdims", 0);
	return node_done(g, n);
}

/* Frameworks like to flatten the steps of all examples for the loss. Then the
 * two are taken apart, so that it can be divided by examples. */
static Value *apart(Graph *g, Value *x, int axis)
{
	Shape s = x->shape;
	if (axis < 0 || s.rank == MAX_RANK)
		return x;
	for (int a = s.rank++; a > axis; a--)
		s.dim[a] = x->shape.dim[a - 1];
	s.dim[axis + 1] = graph_batch(g);
	s.dim[axis] /= s.dim[axis + 1];
	return build_reshape(g, loss_loc, x, s);
}

static int labels_batch_axis(Graph *g, const Value *logits, int classes)
{
	int axis = value_batch_axis(g, logits);
	return axis == classes ? 0 : axis - (axis > classes);
}

/* [T,N,C] are no logits for the default. */
static bool check_classes(Graph *g, const Value *x, int axis)
{
	if (!axis || axis != value_batch_axis(g, x))
		return true;
	error_at(g->unit, (Loc){0}, "the loss has axis %d of %s '%s' for its "
	         "classes, which is the batch; cross-entropy:axis=-1 takes the "
	         "last", axis, shape_text(g->unit->arena, x->shape), x->name);
	return false;
}

/* [N,C,T] are, and [N,T,C] may be meant. */
static void warn_of_classes(Graph *g, const LossOptions *l, const Value *x)
{
	if (l->kind == LOSS_CROSS_ENTROPY && x->shape.rank == 3 &&
	    !l->axis_given)
		warn_at(g->unit, (Loc){0}, "the loss has axis 1 of %s '%s' for "
		        "its classes; write axis=1, or cross-entropy:axis=-1 "
		        "if they are along the last",
		        shape_text(g->unit->arena, x->shape), x->name);
}

/* Logits and labels, in any shape, as rows. */
static int as_rows(Graph *g, Value *in[], int axis)
{
	if (axis != in[0]->shape.rank - 1 || axis < 1)
		return axis;
	in[0] = loss_rows(g, in[0]);
	in[1] = build_reshape(g, loss_loc, in[1],
	                      (Shape){1, {numel(in[1]->shape)}});
	return 1;
}

/* Labels have the logits' shape without the class axis. */
static Value *cross_entropy(Graph *g, const LossOptions *l, Value *x, bool rows)
{
	int axis;
	Node probe = {.loc = loss_loc};
	if (!infer_axis(g->unit, &probe, l->axis, x->shape.rank, &axis) ||
	    !check_classes(g, x, axis))
		return NULL;
	int merged = value_merged_axis(g, x);
	if (merged != axis) {
		x = apart(g, x, merged);
		axis += merged >= 0 && axis > merged;
	}
	Shape labels = {.rank = x->shape.rank - 1};
	for (int i = 0; i < labels.rank; i++)
		labels.dim[i] = x->shape.dim[i < axis ? i : i + 1];
	if (l->nweights && l->nweights != x->shape.dim[axis]) {
		error_at(g->unit, (Loc){0}, "the loss has %d class weights, "
		         "the model has %lld classes", l->nweights,
		         (long long)x->shape.dim[axis]);
		return NULL;
	}
	Value *t = target(g, DT_I32, labels, labels_batch_axis(g, x, axis));
	Value *in[3] = {x, t, NULL};
	if (l->nweights) {
		float *w = arena_array(g->unit->arena, float, l->nweights);
		for (int i = 0; i < l->nweights; i++)
			w[i] = (float)l->weights[i];
		in[2] = graph_const(g, NULL, DT_F32,
		                    (Shape){1, {l->nweights}}, w);
	}
	if (rows)
		axis = as_rows(g, in, axis);
	Node *n = node_new(g, loss_loc, &op_SoftmaxCrossEntropyLoss,
	                   l->nweights ? 3 : 2, in);
	node_set_int(g, n, "axis", axis);
	node_set_int(g, n, "ignore_index", l->ignore_index);
	node_set_float(g, n, "label_smoothing", l->label_smoothing);
	node_set_string(g, n, "reduction", l->sum ? "sum" : "mean");
	return node_done(g, n);
}

static Value *elementwise(Graph *g, const LossOptions *l, Value *x, bool rows)
{
	x = apart(g, x, value_merged_axis(g, x));
	Value *t = target(g, x->dtype, x->shape, value_batch_axis(g, x)), *d;
	if (rows) {
		x = loss_rows(g, x);
		t = build_reshape(g, loss_loc, t, x->shape);
	}
	switch (l->kind) {
	case LOSS_MSE:
		d = APPLY(g, loss_loc, op_Sub, x, t);
		return reduce(g, l, APPLY(g, loss_loc, op_Mul, d, d));
	case LOSS_L1:
		d = APPLY(g, loss_loc, op_Sub, x, t);
		return reduce(g, l, APPLY(g, loss_loc, op_Abs, d));
	case LOSS_BCE_WITH_LOGITS:
		return reduce(g, l, APPLY(g, loss_loc,
		                          op_BinaryCrossEntropyWithLogits, x, t));
	default: {
		Node *n = NEW(g, loss_loc, op_HuberLoss, x, t);
		node_set_float(g, n, "delta", l->delta);
		return reduce(g, l, node_done(g, n));
	}
	}
}

static Value *loss_in_graph(Graph *g, Value *x)
{
	if (numel(x->shape) == 1)
		return x;
	error_at(g->unit, (Loc){0}, "output '%s' has shape %s; a loss is one "
	         "number", x->name, shape_text(g->unit->arena, x->shape));
	return NULL;
}

static Value *loss_of_file(const Graph *g)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].role == OUT_LOSS)
			return g->output[i].value;
	BUG("the file has no training step");
}

void warn_of_loss(Graph *g, Value *loss, const Options *o)
{
	const Value *x = loss && o->loss.kind != LOSS_FILE
	               ? loss_output(g, &o->loss) : NULL;
	if (!x)
		return;
	warn_of_classes(g, &o->loss, x);
	warn_of_logits(g, &o->loss, x);
}

Value *append_loss(Graph *g, const Options *o)
{
	if (o->loss.kind == LOSS_FILE)
		return loss_of_file(g);
	Value *x = loss_output(g, &o->loss);
	if (!x)
		return NULL;
	if (!dtype_is_float(x->dtype)) {
		error_at(g->unit, (Loc){0}, "output '%s' is %s; a loss is of "
		         "floating-point numbers", x->name,
		         dtype_name(x->dtype));
		return NULL;
	}
	x = loss_logits(g, &o->loss, x);
	switch (o->loss.kind) {
	case LOSS_GRAPH:
		return loss_in_graph(g, x);
	case LOSS_CROSS_ENTROPY:
		return cross_entropy(g, &o->loss, x, o->loss_parts > 1);
	default:
		return elementwise(g, &o->loss, x, o->loss_parts > 1);
	}
}

Node *loss_node(const Graph *g)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].role == OUT_LOSS)
			return g->output[i].value->def;
	return NULL;
}

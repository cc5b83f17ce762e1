/* Reductions, sums along an axis, Clip, Softmax, Dropout, a loss: the forms of old
 * opsets brought to the present one. */
#include "frontend/import_rules.h"
#include "ir/build.h"

#include <string.h>

Node *site_node(Site *s, int nin)
{
	const OpDef *op = site_op(s, s->n->op);
	return op ? node_new(s->im->g, s->loc, op, nin, s->in) : NULL;
}

/* The same operator with the same inputs; attributes by name. */
bool convert_default(Site *s)
{
	const OpDef *op = op_find(s->n->op);
	if (op && op->scalar)
		batch_broadcast(s);
	Node *n = site_node(s, s->nin);
	if (!n || !site_copy_attrs(s, n))
		return false;
	int wanted = n->nout, max = n->op->max_out ? n->op->max_out : 1;
	for (int o = 0; o < s->nout; o++)
		if (site_wants(s, o) && o >= wanted)
			wanted = o + 1;
	node_set_outputs(s->im->g, n, wanted < max ? wanted : max);
	return site_result(s, n);
}

/* ---- reductions ---- */

bool convert_reduce(Site *s)
{
	Value *x = site_in(s, 0);
	const int64_t *axes;
	int n, axis[MAX_RANK];
	int64_t plain[MAX_RANK];
	if (!x || !site_list(s, "axes", 1, &n, &axes) ||
	    (n > 0 && !site_axes(s, n, axes, x->shape.rank, axis)))
		return false;
	if (n <= 0 && site_int(s, "noop_with_empty_axes", 0)) {
		s->out[0] = x;
		return true;
	}
	if (n <= 0) {
		n = x->shape.rank;
		for (int i = 0; i < n; i++)
			axis[i] = i;
	}
	for (int i = 0; i < n; i++)
		plain[i] = axis[i];
	Node *node = site_node(s, 1);
	if (!node)
		return false;
	node_set_ints(s->im->g, node, "axes", n, plain);
	node_set_int(s->im->g, node, "keepdims", site_int(s, "keepdims", 1));
	return site_result(s, node);
}

/* ---- CumSum, CumProd ---- */

bool convert_cumulated(Site *s)
{
	Value *x = site_in(s, 0);
	const int64_t *given;
	int count, axis;
	if (!x || !site_const_ints(s, 1, "axis", &count, &given))
		return false;
	if (count != 1) {
		site_error(s, "has %d axes, expected 1", count < 0 ? 0 : count);
		return false;
	}
	if (!site_axis(s, given[0], x->shape.rank, &axis))
		return false;
	Node *n = site_node(s, 1);
	if (!n || !site_copy_attrs(s, n))
		return false;
	node_set_int(s->im->g, n, "axis", axis);
	return site_result(s, n);
}

/* ---- Clip ---- */

static bool set_bound(Site *s, Node *n, const char *name, int input)
{
	double x = site_float(s, name, 0);
	if (!site_const_float(s, input, name, &x))
		return false;
	if (site_attr(s, name) || site_in(s, input))
		node_set_float(s->im->g, n, name, x);
	return true;
}

bool convert_clip(Site *s)
{
	Node *n = site_in(s, 0) ? site_node(s, 1) : NULL;
	return n && set_bound(s, n, "min", 1) && set_bound(s, n, "max", 2) &&
	       site_result(s, n);
}

/* ---- Softmax, LogSoftmax ---- */

static Value *softmax(Site *s, Value *x, int axis)
{
	const OpDef *op = site_op(s, s->n->op);
	if (!op)
		return NULL;
	Node *n = node_new(s->im->g, s->loc, op, 1, &x);
	node_set_int(s->im->g, n, "axis", axis);
	return site_done(s, n);
}

/* Before opset 13 all dimensions from the axis on were one class axis. */
bool convert_softmax(Site *s)
{
	Value *x = site_in(s, 0);
	int axis;
	bool old = s->opset < 13;
	if (!x || !site_axis(s, site_int(s, "axis", old ? 1 : -1),
	                     x->shape.rank, &axis))
		return false;
	if (!old || axis == x->shape.rank - 1) {
		s->out[0] = softmax(s, x, axis);
		return s->out[0] != NULL;
	}
	Value *y = site_reshape(s, x, site_rows(x->shape, axis));
	y = y ? softmax(s, y, 1) : NULL;
	s->out[0] = y ? site_reshape(s, y, x->shape) : NULL;
	return s->out[0] != NULL;
}

/* ---- Mean ---- */

bool convert_mean(Site *s)
{
	Value *sum = s->nin > 1 ? site_apply(s, "Sum", s->nin, s->in)
	                        : site_in(s, 0);
	if (!sum)
		return false;
	Value *n = graph_scalar(s->im->g, sum->dtype, s->nin);
	s->out[0] = site_apply(s, "Div", 2, (Value *[]){sum, n});
	return s->out[0] != NULL;
}

/* ---- Erfc ---- */

/* Not ONNX's: tf2onnx leaves TensorFlow's in the file, for Gelu. */
bool convert_erfc(Site *s)
{
	Value *x = site_in(s, 0);
	Value *erf = x ? site_apply(s, "Erf", 1, &x) : NULL;
	if (!erf)
		return false;
	Value *one = graph_scalar(s->im->g, erf->dtype, 1);
	s->out[0] = site_apply(s, "Sub", 2, (Value *[]){one, erf});
	return s->out[0] != NULL;
}

/* ---- SoftmaxCrossEntropyLoss ---- */

/* Its second output, the log-probabilities, is a node of its own. */
bool convert_cross_entropy(Site *s)
{
	Node *n = site_in(s, 0) ? site_node(s, s->nin) : NULL;
	if (!n || !site_copy_attrs(s, n) || !site_result(s, n))
		return false;
	if (!site_wants(s, 1))
		return true;
	const OpDef *op = site_op(s, "LogSoftmax");
	if (!op)
		return false;
	Node *log = node_new(s->im->g, s->loc, op, 1, s->in);
	node_set_int(s->im->g, log, "axis", 1);
	s->out[1] = site_done(s, log);
	return s->out[1] != NULL;
}

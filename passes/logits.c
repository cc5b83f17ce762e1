/*
 * The logits that a loss is of. Models like to end in what makes probabilities
 * of logits, since those are what one looks at; a loss that does so itself would
 * do it twice, and hardly train.
 */
#include "ir/axis.h"
#include "ir/build.h"
#include "passes/train.h"

static int class_axis(const LossOptions *l, const Value *x)
{
	return (int)(l->axis < 0 ? l->axis + x->shape.rank : l->axis);
}

/* The node that makes probabilities, or their logarithms, of logits. */
static const Node *normalizer(const LossOptions *l, const Value *x)
{
	const Node *n = x->def;
	if (!n)
		return NULL;
	if (l->kind == LOSS_BCE_WITH_LOGITS)
		return n->op == &op_Sigmoid ? n : NULL;
	bool soft = l->kind == LOSS_CROSS_ENTROPY &&
	            (n->op == &op_Softmax || n->op == &op_LogSoftmax);
	return soft && class_axis(l, x) == axis_of(n, x->shape) ? n : NULL;
}

/* Numbers divided by their sum over the classes. */
static bool is_share(const Node *n, int axis)
{
	Shape each = n->out[0]->shape;
	const Node *sum = n->in[1]->def;
	each.dim[axis] = 1;
	if (sum && sum->op == &op_Max)   /* never by 0 */
		sum = sum->in[0]->def;
	return sum && (sum->op == &op_ReduceL1 || sum->op == &op_ReduceSum) &&
	       sum->in[0] == n->in[0] && shape_equal(n->in[1]->shape, each);
}

/* 1 - p, and p that a Sigmoid made. */
static bool is_pair(const Node *n, int axis)
{
	const Node *rest = n->nin == 2 ? n->in[0]->def : NULL;
	return rest && rest->op == &op_Sub && rest->in[1] == n->in[1] &&
	       value_is_scalar_const(rest->in[0], 1) && n->in[1]->def &&
	       n->in[1]->def->op == &op_Sigmoid &&
	       n->in[1]->shape.dim[axis] == 1;
}

static bool are_probabilities(const LossOptions *l, const Value *x)
{
	int axis = class_axis(l, x);
	if (l->kind != LOSS_CROSS_ENTROPY || !x->def || axis < 0 ||
	    axis >= x->shape.rank)
		return false;
	return (x->def->op == &op_Div && is_share(x->def, axis)) ||
	       (x->def->op == &op_Concat && x->shape.dim[axis] == 2 &&
	        is_pair(x->def, axis));
}

static Value *log_of(Graph *g, Loc loc, Value *x)
{
	Value *least = graph_scalar(g, x->dtype, LEAST_PROBABILITY);
	return APPLY(g, loc, op_Log, APPLY(g, loc, op_Max, x, least));
}

/* Up to what all classes have in common, which the loss does not see. */
static Value *of_probabilities(Graph *g, const LossOptions *l, Value *x)
{
	Loc loc = {"logits", "Log"};
	Value *yes = log_of(g, loc, x);
	if (l->kind != LOSS_BCE_WITH_LOGITS)
		return yes;
	return APPLY(g, loc, op_Sub, yes,
	             log_of(g, loc, build_affine(g, loc, x, -1, 1)));
}

Value *loss_logits(Graph *g, const LossOptions *l, Value *x)
{
	const Node *n = l->from == FROM_EITHER ? normalizer(l, x) : NULL;
	if (n)
		return n->in[0];
	return loss_is_of_probabilities(l, x) ? of_probabilities(g, l, x) : x;
}

/* The logarithms of probabilities are logits, too. */
bool loss_is_of_probabilities(const LossOptions *l, const Value *x)
{
	if (l->from != FROM_EITHER)
		return l->from == FROM_PROBABILITIES;
	const Node *n = normalizer(l, x);
	return n ? n->op != &op_LogSoftmax : are_probabilities(l, x);
}

void warn_of_logits(Graph *g, const LossOptions *l, const Value *x)
{
	const char *name = x->name;
	if (l->from != FROM_EITHER || !loss_is_of_probabilities(l, x))
		return;
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == x)
			name = g->output[i].name;
	warn_at(g->unit, (Loc){0}, "output '%s' has probabilities, of %s: the "
	        "loss is of their logits; with from_logits=1 it takes the "
	        "output for logits", name, x->def->op->name);
}

/*
 * The logits that a loss is of. Models like to end in what makes probabilities
 * of logits, since those are what one looks at; a loss that does so itself would
 * do it twice, and hardly train.
 */
#include "ir/axis.h"
#include "ir/build.h"
#include "passes/train.h"

/* The node that makes probabilities, or their logarithms, for such a loss. */
static Node *normalizer(const LossOptions *l, const Value *x)
{
	Node *n = x->def;
	if (!n)
		return NULL;
	if (l->kind == LOSS_BCE_WITH_LOGITS)
		return n->op == &op_Sigmoid ? n : NULL;
	bool soft = l->kind == LOSS_CROSS_ENTROPY &&
	            (n->op == &op_Softmax || n->op == &op_LogSoftmax);
	int64_t axis = l->axis < 0 ? l->axis + x->shape.rank : l->axis;
	return soft && axis == axis_of(n, x->shape) ? n : NULL;
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
	if (l->from == FROM_PROBABILITIES)
		return of_probabilities(g, l, x);
	Node *n = l->from == FROM_EITHER ? normalizer(l, x) : NULL;
	return n ? n->in[0] : x;
}

/* The logarithms of probabilities are logits, too. */
bool loss_is_of_probabilities(const LossOptions *l, const Value *x)
{
	const Node *n = l->from == FROM_EITHER ? normalizer(l, x) : NULL;
	return l->from == FROM_PROBABILITIES || (n && n->op != &op_LogSoftmax);
}

void warn_of_logits(Graph *g, const LossOptions *l, const Value *x)
{
	if (l->from == FROM_EITHER && loss_is_of_probabilities(l, x))
		warn_at(g->unit, (Loc){0}, "output '%s' comes of a %s: the loss "
		        "is of what goes into that, its logits; with "
		        "from_logits=1 it takes the output for logits", x->name,
		        x->def->op->name);
}

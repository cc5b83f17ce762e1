/*
 * The update of every parameter that has a gradient, behind the backward pass: at a
 * low rank (low_rank.c), with state in a sketch (sketch.c), or as the optimizer has
 * it (optimizer.c); before that the norm of all gradients is clipped.
 */
#include "ir/op.h"
#include "passes/train.h"

static void append_update(Graph *g, Variable *w, Value *grad,
                          const Options *o)
{
	if (append_low_rank_update(g, w, grad, o) ||
	    append_sketched_update(g, w, grad, o))
		return;
	Node *n = update_node(g, w->name, graph_variable(g, w), grad, true,
	                      &o->optimizer);
	if (n)
		node_replaces(n, 0, w);
}

/* min(1, clip_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_. */
static Value *clip_factor(Graph *g, Value *const grad[], int n, double max)
{
	Loc loc = {"clip_norm", "ClipNorm"};
	Value *sum = NULL;
	for (int i = 0; i < n; i++) {
		if (!grad[i])
			continue;
		Node *sq = NEW(g, loc, op_ReduceSumSquare, grad[i]);
		node_set_int(g, sq, "keepdims", 0);
		Value *x = node_done(g, sq);
		sum = sum ? APPLY(g, loc, op_Add, sum, x) : x;
	}
	Value *norm = APPLY(g, loc, op_Sqrt, sum);
	norm = APPLY(g, loc, op_Add, norm, graph_scalar(g, DT_F32, 1e-6));
	Value *ratio = APPLY(g, loc, op_Div, hyper_parameter(g, "clip_norm", max), norm);
	return APPLY(g, loc, op_Min, ratio, graph_scalar(g, DT_F32, 1));
}

/* Does the node hand its input i on, in another shape, as a term, or scaled? */
static bool hands_on(const Node *n, int i)
{
	if (n->op == &op_Mul)
		return numel(n->in[!i]->shape) == 1;
	return n->op->view || n->op == &op_Add || n->op == &op_Transpose;
}

/* It, and what it is made of that is as large, is a gradient of w, or of another
 * that has the same. */
static void note_owner(Value *grad, const Variable *w)
{
	const Node *n = grad->def;
	if (grad->gradient_of || grad->kind != V_RESULT)
		return;
	grad->gradient_of = w->name;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && hands_on(n, i) &&
		    numel(n->in[i]->shape) == numel(grad->shape))
			note_owner(n->in[i], w);
}

/* What the update of w reads. */
static Value *clipped(Graph *g, const Variable *w, Value *grad, Value *factor)
{
	note_owner(grad, w);
	if (!factor)
		return grad;
	Value *v = APPLY(g, ((Loc){w->name, "ClipNorm"}), op_Mul, grad, factor);
	v->gradient_of = grad->gradient_of;
	return v;
}

void append_updates(Graph *g, Value *const grad[], const Options *options)
{
	const OptimizerOptions *o = &options->optimizer;
	int nvars = g->model->nvars;   /* optimizer state is added behind */
	Value *factor = NULL;
	if (o->clip_norm > 0)
		factor = clip_factor(g, grad, nvars, o->clip_norm);
	for (int i = 0; i < nvars; i++) {
		if (!grad[i])
			continue;
		Variable *w = g->model->var[i];
		append_update(g, w, clipped(g, w, grad[i], factor), options);
	}
}

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
		Loc loc = {w->name, "ClipNorm"};
		append_update(g, w, factor ? APPLY(g, loc, op_Mul, grad[i], factor)
		                           : grad[i], options);
	}
}

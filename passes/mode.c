/* Training and inference forms of the operators that have both. */
#include "ir/op.h"
#include "passes/train.h"

static bool is_output(const Graph *g, const Value *v)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].value == v)
			return true;
	return false;
}

/* y = BatchNormalization(x, scale, b, mean, var) with fixed statistics. A model
 * that gives the new statistics as its outputs wants the batch's, but only a
 * training step may keep them. */
static void freeze_batch_norm(Graph *g, Node *n)
{
	if (is_output(g, n->out[3]) || is_output(g, n->out[4])) {
		n->out[3]->var = n->out[4]->var = NULL;
		return;
	}
	g->at = n;
	Node *fixed = node_new(g, n->loc, &op_BatchNormalization, 5, n->in);
	node_copy_attrs(g, fixed, n);
	Value *y = node_done(g, fixed);
	g->at = NULL;
	graph_replace(g, n->out[0], y);
	/* A module that is called twice reads its first call's statistics. */
	graph_replace(g, n->out[3], n->in[3]);
	graph_replace(g, n->out[4], n->in[4]);
	graph_remove(g, n);
}

static void train_batch_norm(Graph *g, Node *n)
{
	for (int i = 3; i < 5; i++)
		if (n->in[i]->kind != V_VARIABLE) {
			warn_at(g->unit, n->loc, "its statistics are computed, "
			        "so it stays as it is");
			return;
		}
	g->at = n;
	Node *live = node_new(g, n->loc, &op_BatchNormalizationTrain, 5, n->in);
	node_copy_attrs(g, live, n);
	Value *y = node_done(g, live);
	g->at = NULL;
	for (int i = 3; i < 5; i++) {
		live->out[i]->var = n->in[i]->var;
		live->out[i]->var->mutable = true;
	}
	graph_replace(g, n->out[0], y);
	graph_remove(g, n);
}

/* What else reads a statistic that is replaced, or the gradient of that, may
 * come too late to see the old one. */
static void check_statistics(Graph *g)
{
	graph_have(g, FACT_USES);
	for (Node *n = g->first; n; n = n->next)
		for (int i = 3; i < 5 && n->op == &op_BatchNormalizationTrain;
		     i++)
			if (n->out[i]->var && n->in[i]->kind == V_VARIABLE &&
			    n->in[i]->nuses > 1)
				error_at(g->unit, n->loc, "the statistic '%s' "
				         "that it keeps is also read elsewhere; "
				         "--freeze-bn leaves it as it is",
				         n->in[i]->var->name);
}

/* Inference has no steps: what it draws is the same each time. */
static void fix_seed(Graph *g)
{
	for (int i = 0; i < g->ninputs; i++)
		if (g->input[i]->role == IN_SEED)
			graph_replace(g, g->input[i],
			              graph_scalar(g, DT_U32, 0));
}

void set_mode(Graph *g, Mode mode, const Options *options)
{
	bool freeze = mode == MODE_INFER || options->freeze_bn;
	bool train = mode == MODE_TRAIN && options->train_bn;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		if (n->op == &op_BatchNormalizationTrain && freeze)
			freeze_batch_norm(g, n);
		else if (n->op == &op_BatchNormalization && train)
			train_batch_norm(g, n);
		else if (n->op == &op_Dropout && mode == MODE_INFER) {
			graph_replace(g, n->out[0], n->in[0]);
			graph_remove(g, n);
		}
	}
	if (mode == MODE_INFER)
		fix_seed(g);
	if (!freeze)
		check_statistics(g);
}

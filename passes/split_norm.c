/*
 * Splits BatchNormalizationTrain, which differentiation wants whole, into its
 * statistics and an elementwise part: that can be fused with the activation
 * behind it, and recomputed in the backward pass instead of kept.
 */
#include "ir/channels.h"
#include "ir/op.h"
#include "passes/pass.h"

enum { X, SCALE, B, RUNNING_MEAN, RUNNING_VAR };
enum { Y, MEAN, INVERSE, NEW_MEAN, NEW_VAR };

static void split(Graph *g, Node *n)
{
	Shape shape = n->in[X]->shape;
	g->at = n;
	Node *s = NEW(g, n->loc, op_BatchNormalizationStatistics, n->in[X],
	              n->in[RUNNING_MEAN], n->in[RUNNING_VAR]);
	node_copy_attrs(g, s, n);
	node_done(g, s);
	Value *in[5] = {n->in[X]};
	Value *const channel[] = {s->out[0], s->out[1], n->in[SCALE], n->in[B]};
	for (int i = 0; i < 4; i++)
		in[1 + i] = channels_stretch(g, n->loc, channel[i], shape);
	Value *y = graph_apply(g, n->loc, &op_BatchNormalizationApply, 5, in);
	g->at = NULL;
	graph_replace(g, n->out[Y], y);
	for (int o = MEAN; o <= NEW_VAR; o++) {
		graph_replace(g, n->out[o], s->out[o - 1]);
		s->out[o - 1]->var = n->out[o]->var;
		s->out[o - 1]->memory = n->out[o]->memory;
	}
	graph_remove(g, n);
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		if (n->op == &op_BatchNormalizationTrain) {
			split(g, n);
			changed = true;
		}
	}
	return changed;
}

const Pass pass_split_norm = {
	"split-norm", "separate batch statistics from their use", .run = run,
};

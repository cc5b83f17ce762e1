/*
 * The two ends of what the pass sink does. Where the data come in with time
 * first and the batch second, a Transpose of what is computed from them goes up
 * to the data themselves, for indices through the Gather; and where the loss is
 * a sum over all rows, a Transpose of the logits vanishes in it, if the labels,
 * which are data too, are transposed instead. Only in which order the loss is
 * summed changes by that.
 */
#include "passes/sink_ends.h"

#include "ir/classes.h"
#include "passes/sink_rows.h"

#include <string.h>

/* ---- up to the data ---- */

/* v, or what it is a view of that has its shape again. */
static Value *behind_views(Value *v)
{
	Value *same = v;
	for (Value *x = v; x->def && x->def->op->view; x = x->def->in[0])
		if (shape_equal(x->def->in[0]->shape, v->shape))
			same = x->def->in[0];
	return same;
}

static bool gathers_rows(const Node *n, int k)
{
	return n->op == &op_Gather && n->in[1]->shape.rank >= k &&
	       n->attr[op_attr(n->op, "axis")].i == 0;
}

/* The input of the node that the rows come from; -1: none of the data. */
static int source(const Node *n, int k)
{
	if (gathers_rows(n, k))
		return sink_rises(n->in[1], k) ? 1 : -1;
	for (int i = 0; i < n->nin; i++)
		if (sink_row_wise(n, i, k) && sink_rises(n->in[i], k))
			return i;
	return -1;
}

bool sink_rises(const Value *v, int k)
{
	v = behind_views((Value *)v);
	if (sink_has_batch_later(v, k))
		return true;
	return v->def && v->shape.rank > k && source(v->def, k) >= 0;
}

Value *sink_lift(Graph *g, Node *t)
{
	int k = sink_leading(t);
	Value *v = k ? behind_views(t->in[0]) : NULL;
	if (!v || !v->def || !sink_rises(v, k))
		return NULL;
	int64_t perm[MAX_RANK];
	Node *n = v->def;
	int i = source(n, k);
	Value *x = n->in[i];
	memcpy(perm, sink_perm(t), sizeof *perm * (size_t)v->shape.rank);
	for (int a = k; a < x->shape.rank; a++)
		perm[a] = a;
	Node *f = node_new(g, n->loc, n->op, n->nin, n->in);
	node_copy_attrs(g, f, n);
	f->in[i] = sink_transposed(g, n->loc, x, perm);
	for (int j = 0; j < n->nin; j++)
		if (j != i && n->in[j] && sink_goes_along(n, i, j, k))
			f->in[j] = sink_transposed(g, n->loc, n->in[j], perm);
	return node_done(g, f);
}

/* ---- what goes along ---- */

Value *sink_taken_along(Graph *g, const Node *n, int j, const Node *t)
{
	int k = sink_leading(t);
	int64_t back[MAX_RANK];
	for (int a = 0; a < n->in[j]->shape.rank; a++)
		back[a] = a;
	for (int a = 0; a < k; a++)
		back[sink_perm(t)[a]] = a;
	return sink_transposed(g, n->loc, n->in[j], back);
}

/* ---- down to the loss ---- */

static bool is_class_loss(const Node *n)
{
	return n->op == &op_SoftmaxCrossEntropyLoss ||
	       n->op == &op_NegativeLogLikelihoodLoss;
}

static bool reduces_all(const Node *n)
{
	return (n->op == &op_ReduceMean || n->op == &op_ReduceSum) &&
	       numel(n->out[0]->shape) == 1;
}

bool sink_absorbs(const Node *n, int i, int k)
{
	if (reduces_all(n))
		return true;
	return is_class_loss(n) && i == 0 && n->out[0]->shape.rank == 0 &&
	       axis_of(n, n->in[0]->shape) >= k &&
	       sink_has_batch_later(n->in[1], k);
}

Value *sink_absorb(Graph *g, Node *n)
{
	const Node *t = n->in[0]->def;
	int k = sink_leading(t);
	if (!k || !sink_absorbs(n, 0, k))
		return NULL;
	Node *f = node_new(g, n->loc, n->op, n->nin, n->in);
	node_copy_attrs(g, f, n);
	f->in[0] = t->in[0];
	if (is_class_loss(n))
		f->in[1] = sink_taken_along(g, n, 1, t);
	return node_done(g, f);
}

bool sink_may_turn_loss(const Node *n)
{
	const Value *x = n->in[0];
	return is_class_loss(n) && x->def && x->def->op == &op_Reshape &&
	       x->shape.rank == 3 && sink_absorbs(n, 0, 2);
}

Value *sink_turn_loss(Graph *g, Node *n)
{
	static const int64_t swap[] = {1, 0, 2};
	Node *f = node_new(g, n->loc, n->op, n->nin, n->in);
	node_copy_attrs(g, f, n);
	f->in[0] = sink_transposed(g, n->loc, n->in[0], swap);
	f->in[1] = sink_transposed(g, n->loc, n->in[1], swap);
	return node_done(g, f);
}

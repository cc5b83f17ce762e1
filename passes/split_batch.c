/*
 * Splits what looks at the whole batch into what can be computed on parts of it
 * (ir/parts.h) and what is then left:
 *
 *   batch statistics     moments, which average; what they give per channel
 *   their gradient       sums per channel; an elementwise part
 *   a mean over labels   what it divides by, from the labels alone; a sum
 *   a product's weight   where sums are to keep their order, its gradient, as
 *                        one that can go on from part to part
 *   a sum or a mean      there, too, such as that of squares in a loss, as a
 *                        sum that can go on; a quotient
 *
 * The last is all that a loss in parts of its rows asks for, and that mean.
 * Averages of moments are rounded otherwise than the statistics of the whole
 * batch: where sums are to keep their order, there are two of them instead, one
 * of what is normalized and, with the mean, one of squares. That and the rest
 * have the same bits split.
 *
 * Runs behind split-norm, which shows the statistics.
 */
#include "ir/build.h"
#include "ir/channels.h"
#include "ir/op.h"
#include "ir/reduce.h"
#include "passes/pass.h"

#include <string.h>

static void replace_output(Graph *g, Value *old, Value *new)
{
	graph_replace(g, old, new);
	new->var = old->var;
	value_serve(new, old);
}

static int64_t elements_per_channel(const Value *x)
{
	return numel(x->shape) / x->shape.dim[1];
}

/* ---- batch normalization ---- */

static void split_statistics(Graph *g, Node *n)
{
	Value *moments = APPLY(g, n->loc, op_BatchNormalizationMoments,
	                       n->in[0]);
	Node *f = NEW(g, n->loc, op_BatchNormalizationFinish, moments,
	              n->in[1], n->in[2]);
	node_copy_attrs(g, f, n);
	node_set_int(g, f, "count", elements_per_channel(n->in[0]));
	node_done(g, f);
	for (int o = 0; o < n->nout; o++)
		replace_output(g, n->out[o], f->out[o]);
}

enum { RUNNING_MEAN = 1, RUNNING_VAR };
enum { NEW_MEAN = 2, NEW_VAR };

static double float_of(const Node *n, const char *name)
{
	return n->attr[op_attr(n->op, name)].f;
}

static Value *with_number(Graph *g, Node *n, const OpDef *op, Value *a, double b)
{
	Value *in[] = {a, graph_scalar(g, a->dtype, b)};
	return graph_apply(g, n->loc, op, 2, in);
}

/* running * momentum + batch's * (1 - momentum) */
static void move_running(Graph *g, Node *n, int in, int out, Value *batch)
{
	double momentum = float_of(n, "momentum");
	Value *old = with_number(g, n, &op_Mul, n->in[in], momentum);
	Value *more = with_number(g, n, &op_Mul, batch, 1 - momentum);
	replace_output(g, n->out[out], APPLY(g, n->loc, op_Add, old, more));
}

/* As BatchNormalizationStatistics computes them, step by step. */
static void split_statistics_in_order(Graph *g, Node *n)
{
	Value *x = n->in[0];
	double count = (double)elements_per_channel(x);
	bool unbiased = n->attr[op_attr(n->op, "unbiased")].i && count > 1;
	Value *mean = with_number(g, n, &op_Div, channels_sum(g, n->loc, x),
	                          count);
	Value *off = APPLY(g, n->loc, op_Sub, x, channels_stretch(
		g, n->loc, mean, x->shape));
	Value *squares = channels_sum(g, n->loc, APPLY(g, n->loc, op_Mul, off,
	                                               off));
	Value *var = with_number(g, n, &op_Div, squares, count);
	Value *moved = with_number(g, n, &op_Add, var, float_of(n, "epsilon"));
	Value *deviation = APPLY(g, n->loc, op_Sqrt, moved);
	Value *one = graph_scalar(g, x->dtype, 1);
	replace_output(g, n->out[1], APPLY(g, n->loc, op_Div, one, deviation));
	move_running(g, n, RUNNING_MEAN, NEW_MEAN, mean);
	move_running(g, n, RUNNING_VAR, NEW_VAR, unbiased
	             ? with_number(g, n, &op_Div, squares, count - 1) : var);
	replace_output(g, n->out[0], mean);
}

enum { X, DY, SCALE, MEAN, INVERSE };
enum { DX, DSCALE, DB };

static Value *gradient_of_input(Graph *g, Node *n, Value *dscale, Value *db)
{
	Shape shape = n->in[X]->shape;
	Value *const channel[] = {n->in[SCALE], n->in[MEAN], n->in[INVERSE],
	                          dscale, db};
	Value *in[7] = {n->in[X], n->in[DY]};
	for (int i = 0; i < 5; i++)
		in[2 + i] = channels_stretch(g, n->loc, channel[i], shape);
	Node *a = node_new(g, n->loc, &op_BatchNormalizationGradApply, 7, in);
	node_set_int(g, a, "count", elements_per_channel(n->in[X]));
	return node_done(g, a);
}

static void split_gradient(Graph *g, Node *n)
{
	Node *sums = NEW(g, n->loc, op_BatchNormalizationSums, n->in[X],
	                 n->in[DY], n->in[MEAN]);
	node_done(g, sums);
	Value *db = sums->out[1];
	Value *dscale = APPLY(g, n->loc, op_Mul, sums->out[0], n->in[INVERSE]);
	if (n->out[DX]->nuses)
		replace_output(g, n->out[DX],
		               gradient_of_input(g, n, dscale, db));
	replace_output(g, n->out[DSCALE], dscale);
	replace_output(g, n->out[DB], db);
}

/* ---- losses over classes ---- */

/* The number of the input with the class weights; -1: another operator. The
 * labels are input 1, the total is the input behind the weights. */
static int weights_input(const Node *n)
{
	if (n->op == &op_SoftmaxCrossEntropyLoss ||
	    n->op == &op_NegativeLogLikelihoodLoss)
		return 2;
	if (n->op == &op_SoftmaxCrossEntropyGrad ||
	    n->op == &op_NegativeLogLikelihoodGrad)
		return 3;
	return -1;
}

static const Attr *attr(const Node *n, const char *name)
{
	return &n->attr[op_attr(n->op, name)];
}

static bool wants_total(const Node *n)
{
	int w = weights_input(n);
	return w >= 0 && !strcmp(attr(n, "reduction")->s, "mean") &&
	       !(n->nin > w + 1 && n->in[w + 1]);
}

static int64_t count_classes(const Node *n)
{
	Shape x = n->in[0]->shape;
	int64_t axis = attr(n, "axis")->i;
	return x.dim[axis < 0 ? axis + x.rank : axis];
}

/* The loss and its gradient divide by the same. */
static bool same_total(const Node *a, const Node *b)
{
	const Attr *i = attr(a, "ignore_index"), *j = attr(b, "ignore_index");
	return a->op == b->op && a->in[0] == b->in[0] && a->in[1] == b->in[1] &&
	       attr(a, "classes")->i == attr(b, "classes")->i &&
	       a->out[0]->dtype == b->out[0]->dtype && i->set == j->set &&
	       i->i == j->i;
}

static Value *total_of(Graph *g, Node *n, Value *weights)
{
	Node *t = NEW(g, n->loc, op_ClassWeightTotal, n->in[1], weights);
	node_copy_attrs(g, t, n);
	node_set_int(g, t, "classes", count_classes(n));
	node_set_int(g, t, "dtype", dtype_to_onnx(n->in[0]->dtype));
	node_done(g, t);
	for (Node *p = g->first; p != t; p = p->next)
		if (p->op == t->op && same_total(p, t)) {
			graph_remove(g, t);
			return p->out[0];
		}
	return t->out[0];
}

static void give_total(Graph *g, Node *n)
{
	int w = weights_input(n);
	Value *in[5] = {0};
	memcpy(in, n->in, sizeof *in * (size_t)n->nin);
	in[w + 1] = total_of(g, n, in[w]);
	Node *loss = node_new(g, n->loc, n->op, w + 2, in);
	node_copy_attrs(g, loss, n);
	node_done(g, loss);
	replace_output(g, n->out[0], loss->out[0]);
}

/* ---- gradients of products' weights ---- */

static bool is_set(const Node *n, const char *name)
{
	return attr(n, name)->i != 0;
}

/* Is it a^T b, with rows of the batch? */
static bool is_product_of_rows(const Node *n)
{
	bool gemm = n->op == &op_Gemm;
	return (gemm || n->op == &op_MatMul) && n->nin == 2 &&
	       n->in[0]->shape.rank == 2 && n->in[1]->shape.rank == 2 &&
	       is_set(n, "transA") && !is_set(n, "transB") &&
	       (!gemm || attr(n, "alpha")->f == 1);
}

static void let_go_on(Graph *g, Node *n)
{
	Node *w = NEW(g, n->loc, op_MatMulGradWeight, n->in[0], n->in[1]);
	replace_output(g, n->out[0], node_done(g, w));
}

/* ---- sums and means ---- */

static bool is_sum_of_rows(const Node *n)
{
	Shape x = n->in[0] ? n->in[0]->shape : (Shape){0};
	return (n->op == &op_ReduceSum || n->op == &op_ReduceMean) &&
	       n->in[0]->dtype == DT_F32 && x.rank > 0 && x.dim[0] > 1 &&
	       reduce_kept(n).dim[0] == 1;
}

/* Both add up what lies along the axes in its order. */
static void let_sum_go_on(Graph *g, Node *n)
{
	Value *y = build_sum_to(g, n->loc, n->in[0], reduce_kept(n));
	if (n->op == &op_ReduceMean)
		y = with_number(g, n, &op_Div, y, (double)reduce_count(n));
	replace_output(g, n->out[0],
	               build_reshape(g, n->loc, y, n->out[0]->shape));
}

/* ---- the pass ---- */

static bool split(Graph *g, Node *n, const Options *o)
{
	bool batch = o->parts > 1, on = batch ? o->in_order : o->loss_parts > 1;
	bool statistics = n->op == &op_BatchNormalizationStatistics;
	g->at = n;
	if (batch && statistics && !o->in_order)
		split_statistics(g, n);
	else if (batch && statistics && n->in[0]->dtype == DT_F32)
		split_statistics_in_order(g, n);
	else if (batch && n->op == &op_BatchNormalizationGrad)
		split_gradient(g, n);
	else if (batch && o->in_order && is_product_of_rows(n))
		let_go_on(g, n);
	else if (on && is_sum_of_rows(n))
		let_sum_go_on(g, n);
	else if (wants_total(n))
		give_total(g, n);
	else
		return false;
	graph_remove(g, n);
	return true;
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	if (o->parts < 2 && o->loss_parts < 2)
		return false;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		changed |= split(g, n, o);
	}
	g->at = NULL;
	return changed;
}

const Pass pass_split_batch = {
	"split-batch", "split what looks at the whole batch, if asked to",
	.needs = FACT_USES, .run = run,
};

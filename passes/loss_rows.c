/* What a loss is of, as rows of a matrix: so it can be cut between any two of
 * them, wherever the batch is. */
#include "ir/axis.h"
#include "ir/build.h"
#include "passes/train.h"

static Shape matrix(Shape s)
{
	int64_t classes = s.dim[s.rank - 1];
	return (Shape){2, {classes ? numel(s) / classes : 0, classes}};
}

/* The input that has the node's rows, with what is the same for all; -1: there
 * is none. */
static int rows_from(const Node *n)
{
	int from = -1;
	if (n->op == &op_MatMul)
		return n->in[1]->shape.rank == 2 &&
		       !attr_int(n, op_attr(n->op, "transA")) ? 0 : -1;
	if (n->op == &op_Softmax || n->op == &op_LogSoftmax)
		return axis_of(n, n->out[0]->shape) ==
		       n->out[0]->shape.rank - 1 ? 0 : -1;
	for (int i = 0; i < n->nin && n->op->scalar; i++) {
		const Value *v = n->in[i];
		if (from < 0 && shape_equal(v->shape, n->out[0]->shape))
			from = i;
		else if (v->shape.rank > 1)
			return -1;
	}
	return from;
}

static Value *same_on_rows(Graph *g, const Node *n, int from)
{
	Node *r = node_new(g, n->loc, n->op, n->nin, n->in);
	node_copy_attrs(g, r, n);
	if (op_attr(n->op, "axis") >= 0)
		node_set_int(g, r, "axis", 1);
	r->in[from] = loss_rows(g, n->in[from]);
	return node_done(g, r);
}

static bool is_of_rows(const Node *n)
{
	const Shape x = n->in[0]->shape, y = n->out[0]->shape;
	return n->op == &op_Reshape && x.rank > 0 &&
	       x.dim[x.rank - 1] == y.dim[y.rank - 1];
}

Value *loss_rows(Graph *g, Value *x)
{
	const Node *n = x->def;
	if (x->shape.rank <= 2)
		return x;
	if (n && is_of_rows(n))
		return loss_rows(g, n->in[0]);
	int from = n ? rows_from(n) : -1;
	if (from >= 0)
		return same_on_rows(g, n, from);
	return build_reshape(g, n ? n->loc : (Loc){"loss", "Loss"}, x,
	                     matrix(x->shape));
}

int64_t more_loss_parts(int64_t rows, int64_t parts)
{
	int64_t more = 2 * parts;
	while (more <= rows && rows % more)
		more++;
	return more;
}

int64_t count_loss_rows(const Graph *forward, const Options *o)
{
	const Output *out = find_loss_output(forward, &o->loss);
	return out && out->value->shape.rank > 1
		? matrix(out->value->shape).dim[0] : 0;
}

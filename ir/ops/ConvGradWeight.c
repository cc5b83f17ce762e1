/* ConvGradWeight(x, dy, from): the gradient of Conv's weight, which has `shape`;
 * its sums begin with `from`, or 0. The other attributes are Conv's. */
#include "ir/op.h"

#include "ir/conv.h"

enum { X, DY, FROM };
enum { SHAPE = CONV_NATTRS };

static bool infer(Unit *u, Node *n)
{
	const Value *x = n->in[X], *dy = n->in[DY];
	Shape w;
	if (!infer_shape(u, n, SHAPE, &w))
		return false;
	if (w.rank != x->shape.rank) {
		error_at(u, n->loc, "shape has %d dimensions, input has %d",
		         w.rank, x->shape.rank);
		return false;
	}
	n->out[0]->dtype = x->dtype;
	n->out[0]->shape = w;
	return conv_check(u, n, x->shape, w, dy->shape);
}

static Conv geometry(const Node *n)
{
	return conv_of(n, n->in[X], n->out[0], n->in[DY]);
}

static int64_t workspace(const Node *n)
{
	Conv c = geometry(n);
	return conv_workspace(&c, CONV_GRAD_WEIGHT);
}

static void lower(Kernel *k, const Node *n)
{
	Conv c = geometry(n);
	ConvPart all = {.c = &c, .from = node_sum_from(n, 0)};
	k_conv_grad_weight(k, &all, c.w, 0, NULL);
}

static int64_t rows_of_group(const Node *n)
{
	return n->out[0]->shape.dim[0] / attr_int(n, CONV_GROUP);
}

/* Packed, half of the rows and as many as the registers hold: the input is
 * copied for each tile. Of several groups the rows are apart in each image. */
static int64_t whole_groups(const Node *n, int64_t some)
{
	const Value *x = n->in[X];
	int64_t rows = rows_of_group(n);
	if (!numel(x->shape) || !numel(n->in[DY]->shape) ||
	    node_sum_from(n, 0))
		return 0;
	if (attr_int(n, CONV_GROUP) == 1)
		return some;
	return x->shape.dim[0] > 1 ? 0 : (some + rows - 1) / rows * rows;
}

static int64_t rows_unit(const Node *n, bool workspace)
{
	int64_t rows = rows_of_group(n), some = 8;
	if (workspace)
		some = rows > 80 ? 48 : rows > 16 ? (rows / 2 + 15) / 16 * 16 : 16;
	return whole_groups(n, some);
}

/* Of one image, whose input is soon copied again. */
static int64_t rows_least(const Node *n)
{
	return n->in[X]->shape.dim[0] == 1 ? whole_groups(n, 8) : 0;
}

/* The first channel of x that such a row reads, where it begins a group. */
static Index channel_of(Index row, const Conv *c)
{
	int64_t rows = c->y->shape.dim[1] / c->groups;
	Index group = {.nterms = row.nterms, .add = row.add / rows};
	for (int t = 0; t < row.nterms; t++) {
		group.term[t] = row.term[t];
		group.term[t].mul /= rows;
	}
	return k_scaled(group, c->w->shape.dim[1]);
}

static void lower_rows(Kernel *k, const Node *n, Index first, int64_t count,
                       const Value *to)
{
	Conv c = geometry(n);
	ConvPart some = {.c = &c, .row = first};
	c.rows = count;
	if (c.groups > 1)
		some.channel = channel_of(first, &c);
	k_conv_grad_weight(k, &some, to, 0, NULL);
}

static int64_t rows_workspace(const Node *n, int64_t count)
{
	Conv c = geometry(n);
	c.rows = count;
	return conv_workspace(&c, CONV_GRAD_WEIGHT);
}

const OpDef op_ConvGradWeight = {
	.name = "ConvGradWeight", .min_in = 2, .max_in = 3,
	.goes_on = FROM,
	ATTRS(CONV_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.rows = &(const RowsDef){
		.unit = rows_unit, .least = rows_least, .lower = lower_rows,
		.workspace = rows_workspace},
	.parts = parts_all_sum,
	EXAMPLES({.in = {{DIMS(1, 2, 4, 5)}, {DIMS(1, 3, 2, 3)}},
	          .attr = {{"shape", INTS(3, 2, 3, 3)}}},
	         {.in = {{DIMS(2, 2, 5, 4)}, {DIMS(2, 4, 3, 4)}},
	          .attr = {{"shape", INTS(4, 1, 3, 2)}, {"group", 2},
	                   {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 1, 1)}}},
	         {.nin = 3,
	          .in = {{DIMS(2, 3, 5, 4)}, {DIMS(2, 5, 3, 2)},
	                 {DIMS(5, 3, 3, 3)}},
	          .attr = {{"shape", INTS(5, 3, 3, 3)}}},
	         {.in = {{DIMS(2, 2, 9)}, {DIMS(2, 3, 7)}},
	          .attr = {{"shape", INTS(3, 2, 3)}, {"dilations", INTS(2)},
	                   {"pads", INTS(2, 0)}}},
	         {.in = {{DIMS(1, 1, 3, 3, 4)}, {DIMS(1, 2, 2, 2, 4)}},
	          .attr = {{"shape", INTS(2, 1, 2, 2, 2)},
	                   {"strides", INTS(1, 2, 1)},
	                   {"pads", INTS(0, 1, 0, 0, 0, 1)}}}),
};

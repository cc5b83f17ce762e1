/* ConvGradWeight(x, dy): the gradient of Conv's weight, which has `shape`; the
 * other attributes are Conv's. */
#include "ir/op.h"

#include "ir/conv.h"

enum { SHAPE = CONV_NATTRS };

static bool infer(Unit *u, Node *n)
{
	const Value *x = n->in[0], *dy = n->in[1];
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
	return conv_of(n, n->in[0], n->out[0], n->in[1]);
}

static int64_t workspace(const Node *n)
{
	Conv c = geometry(n);
	return conv_workspace(&c, CONV_GRAD_WEIGHT);
}

/* The rows from `first` on; `group` is the group of that one. */
typedef struct Rows {
	const Conv *c;
	Index first, group;
	int64_t count;
	const Value *to;
} Rows;

static void loops(Kernel *k, const Rows *r)
{
	const Conv *c = r->c;
	int64_t groups = conv_row_groups(c);
	ConvLoop l;
	l.g = k_for(k, groups);
	l.o = k_for(k, r->count / groups);
	l.c = k_for(k, c->w->shape.dim[1]);
	window_for_cells(k, &c->win, l.cell);
	int sum = k_var(k, k_typed(k, compute_type(c->w->dtype), 0));
	l.n = k_for(k, c->x->shape.dim[0]);
	window_for_outputs(k, &c->win, c->y->shape, l.out);
	ConvAt at = conv_at(c, &l);
	at.y[1] = k_sum(at.y[1], r->first);
	at.x[1] = k_sum(at.x[1], k_scaled(r->group, c->w->shape.dim[1]));
	Expr *product = k_mul(k, k_load_at(k, c->y, at.y),
	                      k_load_padded(k, c->x, at.x, 0));
	k_set(k, sum, k_add(k, k_get(k, sum), product));
	k_end_n(k, 1 + c->win.rank);
	k_store_at(k, r->to, at.w, k_get(k, sum));
	k_end_n(k, 3 + c->win.rank);
}

static int64_t image(const Value *v)
{
	Shape s = v->shape;
	s.dim[0] = s.dim[1] = 1;
	return numel(s);
}

static void put_rows(Kernel *k, const Rows *r)
{
	const Conv *c = r->c;
	bool call = conv_callable(c);
	if (call) {
		int64_t channels = c->w->shape.dim[1];
		Index x = k_scaled(r->group, channels * image(c->x));
		Index y = k_scaled(r->first, image(c->y));
		k_conv_call(k, c, CONV_GRAD_WEIGHT, 7, (Arg[]){
			conv_struct(c),
			{.kind = ARG_FLOAT, .epilogue = EP_ALPHA, .f = 1},
			{.v = c->x, .at = x}, {.v = c->y, .at = y},
			{.kind = ARG_FLOAT, .epilogue = EP_BETA, .f = 0},
			{.epilogue = EP_RESULT, .v = r->to},
			{.v = node_workspace(k->node)}});
	}
	loops(k, r);
	if (call)
		k_end(k);
}

static void lower(Kernel *k, const Node *n)
{
	Conv c = geometry(n);
	Rows all = {.c = &c, .count = c.w->shape.dim[0], .to = c.w};
	put_rows(k, &all);
}

static int64_t rows_of_group(const Node *n)
{
	return n->out[0]->shape.dim[0] / attr_int(n, CONV_GROUP);
}

/* Packed, half of the rows and as many as the registers hold: the input is
 * copied for each tile. Of several groups the rows are apart in each image. */
static int64_t rows_unit(const Node *n, bool workspace)
{
	const Value *x = n->in[0];
	int64_t rows = rows_of_group(n), some = 8;
	if (workspace)
		some = rows > 80 ? 48 : rows > 16 ? (rows / 2 + 15) / 16 * 16 : 16;
	if (!numel(x->shape) || !numel(n->in[1]->shape))
		return 0;
	if (attr_int(n, CONV_GROUP) == 1)
		return some;
	return x->shape.dim[0] > 1 ? 0 : (some + rows - 1) / rows * rows;
}

/* Of an index that counts whole groups of rows. */
static Index group_of(Index row, int64_t rows)
{
	row.add /= rows;
	for (int t = 0; t < row.nterms; t++)
		row.term[t].mul /= rows;
	return row;
}

static void lower_rows(Kernel *k, const Node *n, Index first, int64_t count,
                       const Value *to)
{
	Conv c = geometry(n);
	Rows some = {.c = &c, .first = first, .count = count, .to = to};
	c.rows = count;
	if (c.groups > 1)
		some.group = group_of(first, rows_of_group(n));
	put_rows(k, &some);
}

static int64_t rows_workspace(const Node *n, int64_t count)
{
	Conv c = geometry(n);
	c.rows = count;
	return conv_workspace(&c, CONV_GRAD_WEIGHT);
}

const OpDef op_ConvGradWeight = {
	.name = "ConvGradWeight", .min_in = 2, .max_in = 2,
	ATTRS(CONV_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.rows = &(const RowsDef){
		.unit = rows_unit, .lower = lower_rows,
		.workspace = rows_workspace},
	.parts = parts_all_sum,
	EXAMPLES({.in = {{DIMS(1, 2, 4, 5)}, {DIMS(1, 3, 2, 3)}},
	          .attr = {{"shape", INTS(3, 2, 3, 3)}}},
	         {.in = {{DIMS(2, 2, 5, 4)}, {DIMS(2, 4, 3, 4)}},
	          .attr = {{"shape", INTS(4, 1, 3, 2)}, {"group", 2},
	                   {"strides", INTS(2, 1)},
	                   {"pads", INTS(1, 0, 1, 1)}}},
	         {.in = {{DIMS(2, 2, 9)}, {DIMS(2, 3, 7)}},
	          .attr = {{"shape", INTS(3, 2, 3)}, {"dilations", INTS(2)},
	                   {"pads", INTS(2, 0)}}},
	         {.in = {{DIMS(1, 1, 3, 3, 4)}, {DIMS(1, 2, 2, 2, 4)}},
	          .attr = {{"shape", INTS(2, 1, 2, 2, 2)},
	                   {"strides", INTS(1, 2, 1)},
	                   {"pads", INTS(0, 1, 0, 0, 0, 1)}}}),
};

/*
 * MatMul: matrix products as numpy.matmul has them. Leading dimensions are a
 * batch, which broadcasts; an operand of one dimension is a row (left) or a
 * column (right) that the result does not show. transA and transB, thimble's
 * own, transpose the last two dimensions of an operand, so that gradients need
 * no transposed copies:
 *
 *   y = a b:   da = dy b^T,   db = a^T dy
 *
 * A batch of matrices times one matrix is one product over all their rows.
 */
#include "ir/op.h"

#include "ir/build.h"
#include "ir/product.h"

enum { TRANS_A, TRANS_B };

/* The operands as batches of matrices. */
typedef struct Batch {
	bool ta, tb;
	int64_t m, n, k, kb;   /* k of a and of b: infer sees that they agree */
	Shape a, b, y;         /* of the batches alone, without the matrices */
	bool flat;             /* one product: the batch is rows of the left */
} Batch;

static Shape leading(Shape s)
{
	s.rank = s.rank > 2 ? s.rank - 2 : 0;
	return s;
}

/* Rows of the matrix as stored: one if the operand is a row. */
static int64_t rows(Shape s, bool column)
{
	return s.rank > 1 ? s.dim[s.rank - 2] : column ? s.dim[0] : 1;
}

static int64_t columns(Shape s, bool column)
{
	return s.rank > 1 ? s.dim[s.rank - 1] : column ? 1 : s.dim[0];
}

/* False if the batches do not broadcast. */
static bool batch_of(const Node *n, Batch *t)
{
	Shape a = n->in[0]->shape, b = n->in[1]->shape;
	t->ta = a.rank > 1 && attr_int(n, TRANS_A);
	t->tb = b.rank > 1 && attr_int(n, TRANS_B);
	t->m = t->ta ? columns(a, false) : rows(a, false);
	t->k = t->ta ? rows(a, false) : columns(a, false);
	t->kb = t->tb ? columns(b, true) : rows(b, true);
	t->n = t->tb ? rows(b, true) : columns(b, true);
	t->a = leading(a);
	t->b = leading(b);
	t->flat = numel(t->b) == 1 && (numel(t->a) == 1 || !t->ta);
	return shape_broadcast(t->a, t->b, &t->y);
}

static Shape result_shape(const Node *n, const Batch *t)
{
	Shape y = t->y;
	if (n->in[0]->shape.rank > 1)
		y.dim[y.rank++] = t->m;
	if (n->in[1]->shape.rank > 1)
		y.dim[y.rank++] = t->n;
	return y;
}

static bool infer(Unit *u, Node *n)
{
	const Value *a = n->in[0], *b = n->in[1];
	Batch t;
	if (a->dtype != b->dtype) {
		error_at(u, n->loc, "input 1 is %s, expected %s like input 0",
		         dtype_name(b->dtype), dtype_name(a->dtype));
		return false;
	}
	if (a->shape.rank < 1 || b->shape.rank < 1 || !batch_of(n, &t) ||
	    t.k != t.kb) {
		error_at(u, n->loc, "cannot multiply %s%s by %s%s",
		         shape_text(u->arena, a->shape),
		         attr_int(n, TRANS_A) ? " transposed" : "",
		         shape_text(u->arena, b->shape),
		         attr_int(n, TRANS_B) ? " transposed" : "");
		return false;
	}
	n->out[0]->dtype = a->dtype;
	n->out[0]->shape = result_shape(n, &t);
	return true;
}

static Product product_of(const Node *n, const Batch *t)
{
	return (Product){
		.ta = t->ta, .tb = t->tb, .alpha = 1,
		.m = t->flat ? numel(t->a) * t->m : t->m, .n = t->n, .k = t->k,
		.a.v = n->in[0], .b.v = n->in[1], .y.v = n->out[0],
	};
}

static int64_t workspace(const Node *n)
{
	Batch t;
	batch_of(n, &t);
	Product p = product_of(n, &t);
	return product_workspace(&p);
}

/* Where an operand's matrix lies for the batch's loops: dimensions of 1 are
 * stretched. */
static Index matrix_at(Shape operand, Shape batch, const int loop[],
                       int64_t size)
{
	Index at = {0};
	int lead = batch.rank - operand.rank;
	for (int i = operand.rank - 1; i >= 0; i--) {
		if (operand.dim[i] != 1)
			at = k_sum(at, k_scaled(k_at(loop[lead + i]), size));
		size *= operand.dim[i];
	}
	return at;
}

static void lower(Kernel *k, const Node *n)
{
	Batch t;
	int loop[MAX_RANK];
	batch_of(n, &t);
	Product p = product_of(n, &t);
	if (t.flat) {
		k_product(k, &p);
		return;
	}
	k_for_shape(k, t.y, loop);
	p.a.at = matrix_at(t.a, t.y, loop, t.m * t.k);
	p.b.at = matrix_at(t.b, t.y, loop, t.k * t.n);
	p.y.at = matrix_at(t.y, t.y, loop, t.m * t.n);
	k_product(k, &p);
	k_end_n(k, t.y.rank);
}

/* Where the result's first dimension is the product's rows. */
static int64_t rows_unit(const Node *n, bool workspace)
{
	Batch t;
	batch_of(n, &t);
	return t.flat && n->out[0]->shape.rank == 2
	       ? product_rows_unit(workspace) : 0;
}

static Product rows_of(const Node *n, Index first, int64_t count,
                       const Value *to)
{
	Batch t;
	batch_of(n, &t);
	return product_rows(product_of(n, &t), first, count, to);
}

static void lower_rows(Kernel *k, const Node *n, Index first, int64_t count,
                       const Value *to)
{
	Product p = rows_of(n, first, count, to);
	k_product(k, &p);
}

static int64_t rows_workspace(const Node *n, int64_t count)
{
	Product p = rows_of(n, k_const(0), count, n->out[0]);
	return product_workspace(&p);
}

static Value *multiply(Graph *g, Loc loc, Value *a, bool ta, Value *b, bool tb)
{
	Node *n = NEW(g, loc, op_MatMul, a, b);
	node_set_int(g, n, "transA", ta);
	node_set_int(g, n, "transB", tb);
	return node_done(g, n);
}

/* The value as a batch of matrices. */
static Value *matrices(Graph *g, Loc loc, Value *v, Shape batch, int64_t nrows,
                       int64_t ncolumns)
{
	batch.dim[batch.rank++] = nrows;
	batch.dim[batch.rank++] = ncolumns;
	return build_reshape(g, loc, v, batch);
}

/* d as the gradient of v: summed over a stretched batch; in v's own shape. */
static Value *like(Graph *g, Loc loc, Value *d, const Value *v, Shape matrix)
{
	return build_reshape(g, loc, build_sum_to(g, loc, d, matrix), v->shape);
}

static Value *grad_right(Graph *g, Loc loc, const Batch *t, Value *a, Value *dy)
{
	if (t->flat && t->a.rank) {
		int64_t m = numel(t->a) * t->m;
		if (!t->ta)
			a = matrices(g, loc, a, (Shape){0}, m, t->k);
		dy = matrices(g, loc, dy, (Shape){0}, m, t->n);
	}
	return t->tb ? multiply(g, loc, dy, true, a, t->ta)
	             : multiply(g, loc, a, !t->ta, dy, false);
}

static void grad(Graph *g, Node *n, Value *const dys[], const bool want[],
                 Value *dx[])
{
	Batch t;
	batch_of(n, &t);
	Value *a = n->in[0], *b = n->in[1], *d;
	Value *dy = matrices(g, n->loc, dys[0], t.y, t.m, t.n);
	if (a->shape.rank == 1)
		a = matrices(g, n->loc, a, (Shape){0}, 1, t.k);
	if (b->shape.rank == 1)
		b = matrices(g, n->loc, b, (Shape){0}, t.k, 1);
	if (want[0]) {
		d = t.ta ? multiply(g, n->loc, b, t.tb, dy, true)
		         : multiply(g, n->loc, dy, false, b, !t.tb);
		dx[0] = like(g, n->loc, d, n->in[0], a->shape);
	}
	if (want[1]) {
		d = grad_right(g, n->loc, &t, a, dy);
		if (!t.flat)
			d = build_sum_to(g, n->loc, d, b->shape);
		dx[1] = build_reshape(g, n->loc, d, n->in[1]->shape);
	}
}

/* Is the operand's first dimension that of the result's batch? */
static bool leads(Shape batch, Shape y)
{
	return batch.rank > 0 && batch.rank == y.rank &&
	       batch.dim[0] == y.dim[0] && y.dim[0] != 1;
}

/* Matrices of the batch; else rows of the one matrix, if they are rows of the
 * result; or, of both operands, terms of its sums. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	Batch t;
	batch_of(n, &t);
	int ra = n->in[0]->shape.rank, rb = n->in[1]->shape.rank;
	if (t.y.rank > 0)
		return part[0] == leads(t.a, t.y) &&
		       part[1] == leads(t.b, t.y) &&
		       parts_give(n, PART_ROWS, out);
	if (part[0] && part[1])
		return (ra == 1 || t.ta) && (rb == 1 || !t.tb) &&
		       parts_give(n, PART_SUM, out);
	bool rows = part[0] ? ra == 2 && !t.ta : ra == 1 && t.tb;
	return rows && parts_give(n, PART_ROWS, out);
}

const OpDef op_MatMul = {
	.name = "MatMul", .since = 1, .min_in = 2, .max_in = 2,
	ATTRS([TRANS_A] = {"transA", ATTR_INT, true, 0},
	      [TRANS_B] = {"transB", ATTR_INT, true, 0}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.workspace = workspace,
	.rows = &(const RowsDef){
		.unit = rows_unit, .lower = lower_rows,
		.workspace = rows_workspace},
	.parts = parts,
	EXAMPLES({.in = {{DIMS(2, 3)}, {DIMS(3, 4)}}},
	         {.in = {{DIMS(1, 1)}, {DIMS(1, 5)}}},
	         {.in = {{DIMS(3, 2)}, {DIMS(4, 3)}},
	          .attr = {{"transA", 1}, {"transB", 1}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(4, 5)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(5, 4)}}, .attr = {{"transB", 1}}},
	         {.in = {{DIMS(2, 4, 3)}, {DIMS(4, 2)}}, .attr = {{"transA", 1}}},
	         {.in = {{DIMS(1, 4, 3)}, {DIMS(4, 2)}}, .attr = {{"transA", 1}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(1, 4, 2)}}},
	         {.in = {{DIMS(2, 2, 3, 4)}, {DIMS(2, 2, 4, 3)}}},
	         {.in = {{DIMS(2, 1, 3, 2)}, {DIMS(3, 4, 2)}},
	          .attr = {{"transB", 1}}},
	         {.in = {{DIMS(3, 4)}, {DIMS(2, 4, 2)}}},
	         {.in = {{DIMS(4)}, {DIMS(4)}}},
	         {.in = {{DIMS(4)}, {DIMS(2, 4, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}, {DIMS(4)}}},
	         {.in = {{DIMS(2, 3), DT_I64, -9, 9},
	                 {DIMS(3, 2), DT_I64, -9, 9}}}),
};
